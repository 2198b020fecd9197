// Calls an API on behalf of a user, with an access token from Evergrant.
//
//   EVERGRANT_URL=http://127.0.0.1:8780 EVERGRANT_API_KEY=egk_... node call-api.mjs GRANT URL

const server = process.env.EVERGRANT_URL.replace(/\/+$/, "");
const key = process.env.EVERGRANT_API_KEY;
const [grant, url] = process.argv.slice(2);

/** Evergrant has no token: `problem` says why, whether it passes, and who can help. */
class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

async function evergrant(path, body) {
  const answer = await fetch(`${server}/v1/grants/${encodeURIComponent(grant)}/${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const content = await answer.json();
  if (!answer.ok) throw new Refused(content);
  return content;
}

const call = (token) =>
  fetch(url, { headers: { authorization: `${token.token_type} ${token.access_token}` } });

try {
  let token = await evergrant("token");
  let answer = await call(token);
  if (answer.status === 401) {
    // The API does not take the token, whatever its dates say: Evergrant finds out, and gives another one.
    token = await evergrant("rejections", { generation: token.generation, status: 401 });
    answer = await call(token);
  }
  if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
  console.log(await answer.text());
} catch (error) {
  console.error(error.message);
  if (error.problem?.reauthorize_url) console.error(`The user opens ${error.problem.reauthorize_url}`);
  process.exitCode = 1;
}
