// One light for points, surfaces and spheres, fixed to the camera: what faces the viewer is bright.

const LIGHT = /* glsl */ `
  vec2 light(vec3 n) { // what a colour is multiplied by, and what is added
    float key = max(dot(n, normalize(vec3(-0.35, 0.55, 0.75))), 0.0);
    float fill = max(dot(n, normalize(vec3(0.70, -0.10, 0.60))), 0.0);
    float rim = pow(1.0 - max(n.z, 0.0), 3.0);
    float gloss = pow(max(dot(n, normalize(vec3(-0.18, 0.28, 0.94))), 0.0), 28.0);
    return vec2(0.42 + 0.52 * key + 0.16 * fill, 0.06 * gloss + 0.05 * rim);
  }
  vec3 lit(vec3 colour, vec3 n) {
    vec2 by = light(n);
    return colour * by.x + by.y;
  }
`;

const HEAT = /* glsl */ `
  uniform sampler2D lut;
  uniform vec2 range;
  vec3 heatColour(float heat) {
    float t = clamp((heat - range.x) / max(range.y - range.x, 1e-9), 0.0, 1.0);
    return texture2D(lut, vec2(t * 255.0 / 256.0 + 0.5 / 256.0, 0.5)).rgb;
  }
`;

export const pointShader = {
  vertexShader: /* glsl */ `
    attribute float heat;
    uniform float pointRadius;
    uniform float pixelsPerUnit; // at distance 1
    uniform float hasNormals;
    varying float vHeat;
    varying vec3 vNormal;
    void main() {
      vec4 position4 = modelViewMatrix * vec4(position, 1.0);
      vHeat = heat;
      vNormal = hasNormals > 0.5 ? normalize(normalMatrix * normal) : vec3(0.0, 0.0, 1.0);
      gl_PointSize = clamp(2.0 * pointRadius * pixelsPerUnit / -position4.z, 2.0, 64.0);
      gl_Position = projectionMatrix * position4;
    }
  `,
  fragmentShader: /* glsl */ `
    ${HEAT} ${LIGHT}
    uniform float hasNormals;
    varying float vHeat;
    varying vec3 vNormal;
    void main() {
      vec2 c = vec2(gl_PointCoord.x, 1.0 - gl_PointCoord.y) * 2.0 - 1.0;
      float r2 = dot(c, c);
      if (r2 > 1.0) discard;
      vec3 ball = vec3(c, sqrt(1.0 - r2));
      vec3 n = normalize(mix(ball, vNormal, 0.72 * hasNormals));
      float behind = hasNormals > 0.5 && vNormal.z < -0.05 ? 0.45 : 1.0;
      if (behind < 1.0) n = ball;
      gl_FragColor = vec4(lit(heatColour(vHeat), n) * behind * (1.0 - 0.18 * smoothstep(0.55, 1.0, r2)), 1.0);
    }
  `,
};

/** With LIGHT_PER_VERTEX the light is worked out per vertex: half the time where pixels are dear. */
export const surfaceShader = {
  vertexShader: /* glsl */ `
    ${LIGHT}
    attribute float heat;
    varying float vHeat;
    varying vec3 vNormal;
    varying vec2 vLight;
    void main() {
      vHeat = heat;
      vNormal = normalMatrix * normal;
      #ifdef LIGHT_PER_VERTEX
        vec3 n = normalize(vNormal);
        vLight = n.z < 0.0 ? 0.55 * light(-n) : light(n);
      #endif
      gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
    }
  `,
  fragmentShader: /* glsl */ `
    ${HEAT} ${LIGHT}
    varying float vHeat;
    varying vec3 vNormal;
    varying vec2 vLight;
    void main() {
      #ifdef LIGHT_PER_VERTEX
        gl_FragColor = vec4(heatColour(vHeat) * vLight.x + vLight.y, 1.0);
      #else
        vec3 n = normalize(vNormal);
        float behind = 1.0;
        if (n.z < 0.0) { n = -n; behind = 0.55; }
        gl_FragColor = vec4(lit(heatColour(vHeat), n) * behind, 1.0);
      #endif
    }
  `,
};

/** Spheres drawn as discs that face the camera, at the depth of their foremost point. */
export const sphereShader = {
  vertexShader: /* glsl */ `
    attribute vec3 tint;
    attribute float radius; // 0 hides
    uniform float pixelsPerUnit; // at distance 1
    varying vec3 vTint;
    void main() {
      vTint = tint;
      vec4 position4 = modelViewMatrix * vec4(position, 1.0);
      gl_PointSize = 2.0 * radius * pixelsPerUnit / -position4.z;
      position4.z += radius;
      gl_Position = radius > 0.0 ? projectionMatrix * position4 : vec4(0.0, 0.0, 2.0, 1.0);
    }
  `,
  fragmentShader: /* glsl */ `
    ${LIGHT}
    varying vec3 vTint;
    void main() {
      vec2 c = vec2(gl_PointCoord.x, 1.0 - gl_PointCoord.y) * 2.0 - 1.0;
      float r2 = dot(c, c);
      if (r2 > 1.0) discard;
      vec3 n = vec3(c, sqrt(1.0 - r2));
      float ink = smoothstep(0.15, 0.5, n.z);
      gl_FragColor = vec4(mix(vec3(0.07, 0.08, 0.11), lit(vTint, n), ink), 1.0);
    }
  `,
};
