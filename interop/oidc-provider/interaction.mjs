// The login and consent pages: plain forms, so that a test can submit them without a browser.

import { readForm } from './body.mjs';

export async function answerInteraction(provider, state, request, response) {
  try {
    const details = await provider.interactionDetails(request, response);
    if (request.method !== 'POST') return showForm(state, details, response);
    const form = await readForm(request);
    const result = await decide(provider, state, details, form);
    return await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  } catch (error) {
    response.writeHead(400, { 'content-type': 'text/plain' });
    return response.end(`${error.message}\n`);
  }
}

function showForm(state, { prompt, params }, response) {
  const hint = state.accounts.has(params.login_hint) ? params.login_hint : 'alice';
  const fields =
    prompt.name === 'login'
      ? `<input name="account" value="${hint}"><button>Sign in</button>`
      : '<button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button>';
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`<!doctype html><title>${prompt.name}</title><form method="post">${fields}</form>\n`);
}

async function decide(provider, state, details, form) {
  if (form.get('decision') === 'deny') {
    return { error: 'access_denied', error_description: 'the resource owner refused' };
  }
  if (details.prompt.name === 'login') {
    const accountId = form.get('account');
    if (!state.accounts.has(accountId)) throw new Error('no such account');
    return { login: { accountId } };
  }
  return { consent: { grantId: await consent(provider, details) } };
}

async function consent(provider, { grantId, params, prompt, session }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(' '));
  if (prompt.details.missingOIDCClaims) grant.addOIDCClaims(prompt.details.missingOIDCClaims);
  return grant.save();
}
