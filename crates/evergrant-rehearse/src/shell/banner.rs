//! What a person needs to begin.

use std::fmt::Write as _;

use super::Running;
use crate::{
    provider::PkcePair,
    settings::{AuthenticationMethod, ClientSettings},
};

/// Issuer, clients with their credentials, a command that gets a token, and the address of the administration.
pub fn banner(running: &Running) -> String {
    let (clients, users) = running.with_provider(|provider, _| {
        let clients: Vec<_> = provider.clients().cloned().collect();
        let users: Vec<_> = provider.users().cloned().collect();
        (clients, users)
    });
    let mut text = format!("Rehearsal authorization server\n\n  issuer   {}\n", running.issuer());
    // Writing into a String cannot fail.
    for client in &clients {
        writeln!(text, "  client   {}", describe(client)).unwrap_or_default();
    }
    for user in &users {
        writeln!(text, "  user     {} (tenant {})", user.username, user.tenant).unwrap_or_default();
    }
    writeln!(text, "  admin    {}", running.admin_url()).unwrap_or_default();
    if let (Some(client), Some(user)) = (clients.iter().find(|client| is_shown(client)), users.first()) {
        let command = token_command(running.issuer(), client, &user.username);
        writeln!(text, "\nGet an access token and a refresh token:\n\n{command}").unwrap_or_default();
    }
    text
}

fn describe(client: &ClientSettings) -> String {
    let secret = client.client_secret.as_deref().unwrap_or_default();
    match client.authentication {
        AuthenticationMethod::ClientSecretBasic => format!("{} : {secret}  (HTTP Basic)", client.client_id),
        AuthenticationMethod::ClientSecretPost => format!("{} : {secret}  (in the body)", client.client_id),
        AuthenticationMethod::None => format!("{}  (public)", client.client_id),
    }
}

/// The command quotes its words simply: a client whose words need more is not used for it.
fn is_shown(client: &ClientSettings) -> bool {
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"'\"\\$`&+%=:".contains(&byte));
    let secret = client.client_secret.as_deref().unwrap_or_default();
    let has_redirect = client.redirect_uris.iter().any(|uri| !uri.contains('\''));
    client.enabled && has_redirect && plain(&client.client_id) && plain(secret)
}

/// The authorization code flow in one line of shell: `login_hint` signs in, the redirect is not followed.
fn token_command(issuer: &str, client: &ClientSettings, username: &str) -> String {
    let redirect_uri = client.redirect_uris.iter().find(|uri| !uri.contains('\'')).map_or("", String::as_str);
    let pkce = PkcePair::example();
    let (client_id, secret) = (&client.client_id, client.client_secret.as_deref().unwrap_or_default());
    let credentials = match client.authentication {
        AuthenticationMethod::ClientSecretBasic => format!("-u '{client_id}:{secret}'"),
        AuthenticationMethod::ClientSecretPost => {
            format!("-d client_id='{client_id}' -d client_secret='{secret}'")
        }
        AuthenticationMethod::None => format!("-d client_id='{client_id}'"),
    };
    format!(
        "curl -s {issuer}/token {credentials} -d grant_type=authorization_code \\\n  \
         --data-urlencode redirect_uri='{redirect_uri}' -d code_verifier={verifier} \\\n  \
         -d code=\"$(curl -s -o /dev/null -w '%{{redirect_url}}' -G {issuer}/authorize -d response_type=code \\\n    \
         -d client_id='{client_id}' --data-urlencode redirect_uri='{redirect_uri}' \\\n    \
         -d 'scope=openid+profile+offline_access' -d code_challenge_method=S256 -d code_challenge={challenge} \\\n    \
         --data-urlencode login_hint='{username}' | sed 's/.*[?&]code=\\([^&]*\\).*/\\1/')\"",
        verifier = pkce.verifier,
        challenge = pkce.challenge,
    )
}
