from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import panel as pn
from bokeh.document import Document
from bokeh.document.events import SessionCallbackAdded


def test_only_the_page_s_own_thread_touches_its_document_when_the_worker_answers(monkeypatch):
    from widgets.engine import later

    document, line, threads, heard = Document(), [], set(), []

    def listen(event) -> None:
        if isinstance(event, SessionCallbackAdded):
            line.append(event.callback)
        threads.add(threading.get_ident())

    async def page() -> None:
        monkeypatch.setattr(type(pn.state), "curdoc", property(lambda _: document))
        answer = later(heard.append)
        await asyncio.to_thread(lambda: [answer(number) for number in range(100)])
        while len(line) < 100:
            await asyncio.sleep(0)

    def own_thread() -> int:
        """Of a page that is served; this one may have a loop of its own already."""
        asyncio.run(page())
        return threading.get_ident()

    document.on_change(listen)
    with ThreadPoolExecutor(1) as pool:
        own = pool.submit(own_thread).result(60)
    assert threads == {own}, "a document that is held loses what another thread adds"
    for scheduled in line:
        scheduled.callback()
    assert heard == list(range(100))


def test_without_a_page_the_method_is_called_at_once():
    from widgets.engine import later

    heard = []
    later(heard.append)(1)
    assert heard == [1]
