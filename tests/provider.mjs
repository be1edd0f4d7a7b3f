// A real OpenID provider for tests, and the same one lying: what it answers at /token can be forged on its way out.
// POST /control {"person": {...claims}, "lie": "name", "options": {...}} says who signs in and which lie, or unusual truth, the
// next answers tell.
import { createHash, generateKeyPairSync, createHmac, sign as rawSign } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(new URL("../web/package.json", import.meta.url));
const { Provider } = await import(require.resolve("oidc-provider"));
const [port, redirect] = [Number(process.argv[2]), process.argv[3]];
const issuer = `http://127.0.0.1:${port}`;

const pair = (kid) => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { kid, privateKey, publicKey, jwk: { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" } };
};
const own = pair("own");
const foreign = pair("own"); // the same kid, another key
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
let state = { person: { sub: "person-1", name: "Paula Provider", roles: ["physician"] }, lie: "", options: {} };
let kept = null;

const provider = new Provider(issuer, {
  clients: [{ client_id: "clinic", client_secret: "a secret & a half", redirect_uris: [redirect], post_logout_redirect_uris: [new URL("/sign-in", redirect).href], grant_types: ["authorization_code"] }],
  jwks: { keys: [own.jwk] },
  claims: { openid: ["sub"], profile: ["name", "roles", "realm_access"], email: ["email"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ ...state.person, sub: id }) }),
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Grant: 600, Interaction: 600, Session: 600 },
  cookies: { keys: ["test"] },
});
provider.on("server_error", (_, error) => console.error(error));

async function interact(req, res) {
  const { prompt, params, session } = await provider.interactionDetails(req, res);
  if (prompt.name === "login") return provider.interactionFinished(req, res, { login: { accountId: state.person.sub } });
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid profile email");
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const b64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const signed = (header, claims, key) => {
  const input = `${b64(header)}.${b64(claims)}`;
  return `${input}.${rawSign(`sha${header.alg.slice(2)}`, Buffer.from(input), key).toString("base64url")}`;
};
const hmac = (header, claims, secret) => {
  const input = `${b64(header)}.${b64(claims)}`;
  return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
};

/** Every lie: from the true header, claims and answer to what is told instead. */
const now = () => Math.floor(Date.now() / 1000);
const claim = (change) => ({ header, claims, answer }) => ({ ...answer, id_token: signed(header, { ...claims, ...change(claims) }, own.privateKey) });
const without = (name) => ({ header, claims, answer }) => {
  const rest = { ...claims };
  delete rest[name];
  return { ...answer, id_token: signed(header, rest, own.privateKey) };
};
const half = (text) => createHash("sha256").update(text).digest().subarray(0, 16).toString("base64url");
const head = (change, key = own.privateKey) => ({ header, claims, answer }) => ({ ...answer, id_token: signed({ ...header, ...change }, claims, key) });
const LIES = {
  "alg-none": ({ header, claims, answer }) => ({ ...answer, id_token: `${b64({ ...header, alg: "none" })}.${b64(claims)}.` }),
  "alg-None": ({ header, claims, answer }) => ({ ...answer, id_token: `${b64({ ...header, alg: "None" })}.${b64(claims)}.` }),
  "alg-none-signed": ({ header, claims, answer }) => ({ ...answer, id_token: `${b64({ ...header, alg: "none" })}.${b64(claims)}.${answer.id_token.split(".")[2]}` }),
  "hs256-public-pem": ({ header, claims, answer }) => ({ ...answer, id_token: hmac({ ...header, alg: "HS256" }, claims, own.publicKey.export({ type: "spki", format: "pem" })) }),
  "hs256-public-jwk": ({ header, claims, answer }) => ({ ...answer, id_token: hmac({ ...header, alg: "HS256" }, claims, own.publicKey.export({ format: "jwk" }).n) }),
  "hs256-client-secret": ({ header, claims, answer }) => ({ ...answer, id_token: hmac({ ...header, alg: "HS256" }, claims, "a secret & a half") }),
  "hs256-empty": ({ header, claims, answer }) => ({ ...answer, id_token: hmac({ ...header, alg: "HS256" }, claims, "") }),
  "other-key-same-kid": head({}, foreign.privateKey),
  "other-key-own-jwk": head({ jwk: foreign.publicKey.export({ format: "jwk" }) }, foreign.privateKey),
  "own-key-with-jwk": head({ jwk: own.publicKey.export({ format: "jwk" }) }),
  "jku": head({ jku: `${issuer}/evil/jwks` }, foreign.privateKey),
  "x5u": head({ x5u: `${issuer}/evil/x5u` }, foreign.privateKey),
  "x5c": head({ x5c: ["MIIB"] }, foreign.privateKey),
  "crit": head({ crit: ["exp"] }),
  "crit-unknown": head({ crit: ["surprise"], surprise: true }),
  "b64-false": head({ b64: false, crit: ["b64"] }),
  "unknown-kid": head({ kid: "nobody" }),
  "kid-number": head({ kid: 7 }),
  "kid-path": head({ kid: "../../dev/null" }, foreign.privateKey),
  "es256-of-stranger": ({ header, claims, answer }) => {
    const input = `${b64({ ...header, alg: "ES256" })}.${b64(claims)}`;
    return { ...answer, id_token: `${input}.${rawSign("sha256", Buffer.from(input), { key: ec.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}` };
  },
  "alg-of-another-size": ({ header, claims, answer }) => ({ ...answer, id_token: signed({ ...header, alg: "RS512" }, claims, own.privateKey) }),
  "signature-cut": ({ answer }) => ({ ...answer, id_token: answer.id_token.slice(0, -6) }),
  "signature-empty": ({ answer }) => ({ ...answer, id_token: answer.id_token.replace(/[^.]+$/, "") }),
  "claims-swapped-in": ({ header, claims, answer }) => ({ ...answer, id_token: `${b64(header)}.${b64({ ...claims, sub: "admin" })}.${answer.id_token.split(".")[2]}` }),
  "iss-other": claim(() => ({ iss: "https://evil.example" })),
  "iss-slash": claim((c) => ({ iss: `${c.iss}/` })),
  "iss-case": claim((c) => ({ iss: c.iss.toUpperCase() })),
  "iss-templated": claim(() => ({ iss: "https://login.microsoftonline.com/{tenantid}/v2.0" })),
  "iss-list": claim((c) => ({ iss: [c.iss] })),
  "iss-missing": without("iss"),
  "aud-other": claim(() => ({ aud: "another" })),
  "aud-list-with-stranger": claim(() => ({ aud: ["clinic", "another"] })),
  "aud-list-with-stranger-and-azp": claim(() => ({ aud: ["clinic", "another"], azp: "clinic" })),
  "aud-empty": claim(() => ({ aud: [] })),
  "aud-prefix": claim(() => ({ aud: "clinic2" })),
  "aud-missing": without("aud"),
  "azp-other": claim(() => ({ azp: "another" })),
  "exp-past": claim(() => ({ exp: now() - 120 })),
  "exp-text": claim((c) => ({ exp: String(c.exp) })),
  "exp-true": claim(() => ({ exp: true })),
  "exp-missing": without("exp"),
  "iat-old": claim(() => ({ iat: now() - 3600 })),
  "iat-future": claim(() => ({ iat: now() + 3600 })),
  "iat-missing": without("iat"),
  "nbf-future": claim(() => ({ nbf: now() + 600 })),
  "nbf-text": claim(() => ({ nbf: "0" })),
  "nonce-missing": without("nonce"),
  "nonce-other": claim(() => ({ nonce: "x".repeat(43) })),
  "nonce-list": claim((c) => ({ nonce: [c.nonce] })),
  "nonce-of-another-sign-in": claim(() => ({ nonce: kept?.nonce })),
  "token-of-another-sign-in": ({ answer }) => ({ ...answer, id_token: kept?.token }),
  "at_hash-wrong": claim(() => ({ at_hash: "AAAAAAAAAAAAAAAAAAAAAA" })),
  "at_hash-of-another-token": ({ header, claims, answer }) => ({ ...answer, access_token: "stolen", id_token: signed(header, { ...claims, at_hash: half(answer.access_token) }, own.privateKey) }),
  "at_hash-whole": ({ header, claims, answer }) => ({ ...answer, id_token: signed(header, { ...claims, at_hash: createHash("sha256").update(answer.access_token).digest("base64url") }, own.privateKey) }),
  "at_hash-of-no-token": ({ header, claims, answer }) => ({ ...answer, access_token: undefined, id_token: signed(header, { ...claims, at_hash: half("") }, own.privateKey) }),
  "at_hash-empty": claim(() => ({ at_hash: "" })),
  "at_hash-null": claim(() => ({ at_hash: null })),
  "sub-missing": without("sub"),
  "sub-empty": claim(() => ({ sub: "" })),
  "sub-number": claim(() => ({ sub: 1 })),
  "sub-long": claim(() => ({ sub: "x".repeat(256) })),
  "no-id-token": ({ answer }) => ({ access_token: answer.access_token, token_type: "Bearer" }),
  "id-token-number": ({ answer }) => ({ ...answer, id_token: 7 }),
  "id-token-rubbish": ({ answer }) => ({ ...answer, id_token: "a.b.c" }),
  "id-token-five-parts": ({ answer }) => ({ ...answer, id_token: `${answer.id_token}.x.y` }),
  "claims-list": ({ header, answer }) => ({ ...answer, id_token: signed(header, ["sub"], own.privateKey) }),
  "answer-list": () => ["id_token"],
  "answer-text": () => "welcome",
  "answer-huge": ({ answer }) => ({ ...answer, padding: "x".repeat(3 << 20) }),
};

/** What a provider may leave out or write another way, and real ones do. */
const TRUTHS = {
  // Core 3.1.3.6: optional in the code flow. Entra ID puts it only into tokens of its authorization endpoint.
  "at_hash-missing": without("at_hash"),
  "at_hash-right": ({ header, claims, answer }) => ({ ...answer, id_token: signed(header, { ...claims, at_hash: half(answer.access_token) }, own.privateKey) }),
  "aud-list-of-us": claim(() => ({ aud: ["clinic"] })),
  "azp-us": claim(() => ({ azp: "clinic" })),
  "kid-missing": head({ kid: undefined }),
  "nbf-past": claim(() => ({ nbf: now() - 60 })),
  "exp-within-the-leeway": claim(() => ({ exp: now() - 20 })),
};

function forged(text) {
  const answer = JSON.parse(text);
  if (!answer.id_token) return text;
  const [header, claims] = answer.id_token.split(".").slice(0, 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
  const told = state.lie ? { ...LIES, ...TRUTHS }[state.lie]({ header, claims, answer }) : answer;
  if (!state.lie) kept = { nonce: claims.nonce, token: answer.id_token };
  return JSON.stringify(told);
}

const asked = [];
const callback = provider.callback();
createServer((req, res) => {
  const path = req.url.split("?")[0];
  asked.push(path);
  if (path === "/control") {
    let body = "";
    req.on("data", (part) => (body += part));
    req.on("end", () => {
      state = { ...state, ...JSON.parse(body || "{}") };
      res.end(JSON.stringify({ lies: Object.keys(LIES), truths: Object.keys(TRUTHS), asked }));
    });
  } else if (path.startsWith("/interaction/")) {
    interact(req, res).catch((error) => (console.error(error), res.writeHead(500).end()));
  } else if (state.options.redirect && path === "/token") {
    res.writeHead(307, { location: `${issuer}/evil/token` }).end();
  } else if (state.options.discovery && path === "/.well-known/openid-configuration") {
    res.setHeader("content-type", "application/json");
    res.end(JSON.stringify({ issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`, ...state.options.discovery }));
  } else if (path === "/token") {
    const end = res.end.bind(res);
    res.end = (chunk) => {
      const text = res.statusCode === 200 ? forged(String(chunk)) : String(chunk);
      res.setHeader("content-length", Buffer.byteLength(text));
      return end(text);
    };
    callback(req, res);
  } else callback(req, res);
}).listen(port, "127.0.0.1", () => console.log("listening"));
