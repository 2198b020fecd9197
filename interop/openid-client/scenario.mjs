// What every independent client does to an authorization server, and what it saw. See ../README.md for the report.
// The report holds facts about tokens, never a token.

import { authorize } from './browser.mjs';

const ROTATIONS = 3;

export async function run(library, connectParty) {
  const input = JSON.parse(await readStdin());
  const party = await connectParty(input);
  const report = { library };
  await keepAndReplay(party, input, report);
  await revokeAndRefresh(party, input, report);
  await redeemTwice(party, input, report);
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

async function keepAndReplay(party, input, report) {
  const first = (await connect(party, input)).tokens;
  report.connect = factsOf(first);
  report.refreshes = [];
  let current = first;
  for (let round = 0; round < ROTATIONS; round += 1) {
    const next = await party.refresh(current.refresh_token);
    report.refreshes.push({ ...factsOf(next), rotated: isRotated(current, next) });
    current = { ...next, refresh_token: next.refresh_token ?? current.refresh_token };
  }
  report.userinfo = await outcome(() => party.userinfo(current.access_token, first.subject));
  report.replay = await outcome(() => party.refresh(first.refresh_token));
  report.successor_after_replay = await outcome(() => party.refresh(current.refresh_token));
  report.userinfo_after_replay = await outcome(() => party.userinfo(current.access_token, first.subject));
}

async function revokeAndRefresh(party, input, report) {
  const { tokens } = await connect(party, input);
  report.revoke = await outcome(() => party.revoke(tokens.refresh_token));
  report.revoke_again = await outcome(() => party.revoke(tokens.refresh_token));
  report.refresh_after_revoke = await outcome(() => party.refresh(tokens.refresh_token));
}

async function redeemTwice(party, input, report) {
  const { tokens, callback, secrets } = await connect(party, input);
  report.code_again = await outcome(() => party.redeem(callback, secrets));
  report.refresh_after_code_again = await outcome(() => party.refresh(tokens.refresh_token));
}

async function connect(party, input) {
  const { url, secrets } = await party.authorizationRequest();
  const callback = await authorize(url, input.account, input.redirect_uri);
  return { tokens: await party.redeem(callback, secrets), callback, secrets };
}

function factsOf(tokens) {
  return {
    token_type: tokens.token_type,
    expires_in: tokens.expires_in,
    scope: tokens.scope,
    has_refresh_token: tokens.refresh_token !== undefined,
    subject: tokens.subject,
  };
}

function isRotated(before, after) {
  return after.refresh_token !== undefined && after.refresh_token !== before.refresh_token;
}

// `ok`, or the error as the library itself reports it: the status and the OAuth error code.
async function outcome(operation) {
  try {
    await operation();
    return { ok: true };
  } catch (error) {
    const challenges = error.cause instanceof Array ? error.cause : [];
    const code = error.error ?? challenges[0]?.parameters?.error;
    if (code === undefined && error.status === undefined) throw error;
    return { ok: false, status: error.status, error: code };
  }
}

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
