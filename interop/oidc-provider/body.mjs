// Request bodies of the two small interfaces that are ours; the engine reads its own.

const MAX_BODY_BYTES = 16 * 1024;

export async function readForm(request) {
  return new URLSearchParams(await readText(request));
}

export async function readJson(request) {
  const text = await readText(request);
  return text === '' ? {} : JSON.parse(text);
}

async function readText(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error('the request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
