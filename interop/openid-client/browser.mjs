// A resource owner without a browser: follows redirects with cookies, submits the login and consent forms it
// meets, and stops at the redirect URI without opening it.

const MAX_STEPS = 20;

export async function authorize(start, account, redirectUri) {
  const cookies = new Map();
  let request = { url: start, method: 'GET' };
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const response = await send(request, cookies);
    request = response.status >= 300 && response.status < 400
      ? { url: new URL(response.headers.get('location'), request.url), method: 'GET' }
      : await submission(response, request.url, account);
    if (request.url.href.startsWith(redirectUri)) return request.url;
  }
  throw new Error(`the login did not end within ${MAX_STEPS} steps`);
}

async function send({ url, method, body }, cookies) {
  const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  const response = await fetch(url, { method, body, headers, redirect: 'manual' });
  for (const line of response.headers.getSetCookie()) {
    const [name, value] = line.split(';')[0].split(/=(.*)/s);
    if (value === '') cookies.delete(name);
    else cookies.set(name, value);
  }
  return response;
}

// The form as it stands, hidden fields included; `account` names who signs in.
async function submission(response, url, account) {
  const page = await response.text();
  const form = /<form\b[^>]*>/i.exec(page);
  if (!form) throw new Error(`no form at ${url.origin}${url.pathname}: status ${response.status}: ${page.slice(0, 300)}`);
  const body = new URLSearchParams();
  for (const [input] of page.matchAll(/<input\b[^>]*>/gi)) {
    const name = attribute(input, 'name');
    if (name) body.set(name, name === 'account' ? account : attribute(input, 'value') ?? '');
  }
  return { url: new URL(attribute(form[0], 'action') ?? '', url), method: 'POST', body };
}

function attribute(tag, name) {
  const match = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag);
  return match?.[1].replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
