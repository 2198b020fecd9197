// npm `oauth4webapi`, unmodified, as an independent client: it validates each response by itself, without any
// convenience around it, and so is the stricter judge of our wire format.

import { run } from './scenario.mjs';

const oauth = await import('oauth4webapi');
const insecure = { [oauth.allowInsecureRequests]: true };

await run('oauth4webapi', async (input) => {
  const issuer = new URL(input.issuer);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
  const client = { client_id: input.client_id };
  const authentication = authenticationOf(input);
  return {
    authorizationRequest: () => authorizationRequest(server, input),
    redeem: (callback, secrets) => redeem(server, client, authentication, input, callback, secrets),
    refresh: async (token) =>
      withSubject(
        await oauth.processRefreshTokenResponse(
          server,
          client,
          await oauth.refreshTokenGrantRequest(server, client, authentication, token, insecure),
        ),
      ),
    userinfo: async (token, subject) =>
      oauth.processUserInfoResponse(server, client, subject, await oauth.userInfoRequest(server, client, token, insecure)),
    revoke: async (token) =>
      oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, insecure)),
  };
});

function authenticationOf({ token_endpoint_auth_method: method, client_secret: secret }) {
  if (method === 'client_secret_basic') return oauth.ClientSecretBasic(secret);
  if (method === 'client_secret_post') return oauth.ClientSecretPost(secret);
  return oauth.None();
}

async function authorizationRequest(server, input) {
  const secrets = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
  };
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: input.client_id,
    redirect_uri: input.redirect_uri,
    scope: input.scope,
    prompt: 'consent',
    code_challenge: await oauth.calculatePKCECodeChallenge(secrets.verifier),
    code_challenge_method: 'S256',
    state: secrets.state,
    nonce: secrets.nonce,
  });
  return { url, secrets };
}

async function redeem(server, client, authentication, input, callback, { verifier, state, nonce }) {
  const parameters = oauth.validateAuthResponse(server, client, callback, state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authentication,
    parameters,
    input.redirect_uri,
    verifier,
    insecure,
  );
  const checks = { expectedNonce: nonce, requireIdToken: true };
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, checks);
  await oauth.validateApplicationLevelSignature(server, response, insecure);
  return withSubject(tokens);
}

function withSubject(tokens) {
  return { ...tokens, subject: oauth.getValidatedIdTokenClaims(tokens)?.sub };
}
