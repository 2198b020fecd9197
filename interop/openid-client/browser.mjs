// A resource owner without a browser: follows redirects with cookies, submits the login and consent forms it
// meets, and stops at the redirect URI without opening it.

const MAX_STEPS = 20;
const ENTITIES = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"' };

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

// The form as it stands, hidden fields included, with a button pressed: the account's own, else the first.
async function submission(response, url, account) {
  const page = await response.text();
  const form = /<form\b[^>]*>/i.exec(page);
  if (!form) throw new Error(`no form at ${url.origin}${url.pathname}: status ${response.status}: ${page.slice(0, 300)}`);
  const body = new URLSearchParams();
  for (const { name, value } of controls(page, 'input')) body.set(name, name === 'account' ? account : value);
  const buttons = controls(page, 'button');
  const pressed = buttons.find(({ value }) => value === account) ?? buttons[0];
  if (pressed) body.set(pressed.name, pressed.value);
  return { url: new URL(attribute(form[0], 'action') ?? '', url), method: 'POST', body };
}

function controls(page, kind) {
  const tags = [...page.matchAll(new RegExp(`<${kind}\\b[^>]*>`, 'gi'))].map(([tag]) => tag);
  const named = tags.map((tag) => ({ name: attribute(tag, 'name'), value: attribute(tag, 'value') ?? '' }));
  return named.filter(({ name }) => name);
}

function attribute(tag, name) {
  const match = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(tag);
  return match?.[1].replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (_, decimal, hexadecimal, entity) =>
    entity ? ENTITIES[entity] : String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hexadecimal, 16)),
  );
}
