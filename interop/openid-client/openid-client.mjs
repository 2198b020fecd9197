// npm `openid-client`, unmodified, as an independent client.

import { run } from './scenario.mjs';

const client = await import('openid-client');

await run('openid-client', async (input) => {
  const configuration = await client.discovery(
    new URL(input.issuer),
    input.client_id,
    undefined,
    authenticationOf(input),
    { execute: [client.allowInsecureRequests] },
  );
  return {
    authorizationRequest: () => authorizationRequest(configuration, input),
    redeem: async (callback, { verifier, state, nonce }) =>
      withSubject(
        await client.authorizationCodeGrant(configuration, callback, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        }),
      ),
    refresh: async (token) => withSubject(await client.refreshTokenGrant(configuration, token)),
    userinfo: (token, subject) => client.fetchUserInfo(configuration, token, subject),
    revoke: (token) => client.tokenRevocation(configuration, token),
  };
});

function authenticationOf({ token_endpoint_auth_method: method, client_secret: secret }) {
  if (method === 'client_secret_basic') return client.ClientSecretBasic(secret);
  if (method === 'client_secret_post') return client.ClientSecretPost(secret);
  return client.None();
}

async function authorizationRequest(configuration, input) {
  const secrets = {
    verifier: client.randomPKCECodeVerifier(),
    state: client.randomState(),
    nonce: client.randomNonce(),
  };
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: input.redirect_uri,
    scope: input.scope,
    prompt: 'consent',
    code_challenge: await client.calculatePKCECodeChallenge(secrets.verifier),
    code_challenge_method: 'S256',
    state: secrets.state,
    nonce: secrets.nonce,
  });
  return { url, secrets };
}

function withSubject(tokens) {
  return { ...tokens, subject: tokens.claims()?.sub };
}
