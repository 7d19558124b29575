# The README's commands on a bare machine: build with `docker build -t faceviz .`, then
#   docker run --rm -v "$PWD:/data" faceviz faceviz landmarks /data/face.ply
#   docker run --rm -p 127.0.0.1:5006:5006 faceviz
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends make libgl1 libegl1 libusb-1.0-0 libglib2.0-0 libgomp1 libxrender1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /faceviz
COPY . .
RUN make setup && useradd --create-home face && chown -R face /faceviz
USER face
ENV PATH="/faceviz/.venv/bin:$PATH"

RUN faceviz doctor --no-camera \
    && faceviz landmarks assets/scans/sample_neutral.ply --json /tmp/out.json --png /tmp/out.png

EXPOSE 5006
# Inside the container all addresses are its own; outside only the port that you publish can be reached.
CMD ["faceviz", "serve", "--host", "0.0.0.0", "--allow-origin", "127.0.0.1:5006", "--allow-origin", "localhost:5006", "--auth", "none"]
