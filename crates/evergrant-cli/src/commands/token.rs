//! `evergrant token`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use evergrant::{
    Keeper, Token, TokenError,
    proto::{
        engine::Settings,
        grant::{AccessKey, GrantRecord},
        name::GrantId,
        remedy_rates::Rates,
        scope::ScopeSet,
    },
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    arguments::{scopes, seconds, union},
    waiting::explained,
};
use crate::{
    cli::{Format, StoreOptions},
    failure::Failure,
    output::{self, diagnosis, text::clean},
    session::{Purpose, Session, with_session_for},
};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreOptions,
    /// The grant
    grant: GrantId,
    /// How the token is printed
    #[arg(long, value_enum, default_value_t = TokenFormat::Text)]
    format: TokenFormat,
    /// Demand so many seconds of life left (at most 80 % of the token's lifetime)
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    min_ttl: Option<Duration>,
    /// Refresh even if the token held is good
    #[arg(long)]
    refresh: bool,
    /// Ask for a token with these scopes only, of those that the grant has; may be repeated
    #[arg(long, value_parser = scopes, conflicts_with = "refresh")]
    scope: Vec<ScopeSet>,
    /// Ask for a token for this resource (RFC 8707)
    #[arg(long, value_name = "URI", conflicts_with = "refresh")]
    resource: Option<String>,
    /// Wait at most so long for a refresh
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TokenFormat {
    /// Token, type, dates, scope
    Json,
    /// The token alone
    Text,
    /// `Authorization: Bearer ...`, for `curl -H @-`
    Header,
    /// Assignments, for `eval`
    Env,
}

impl Options {
    pub(crate) fn error_format(&self) -> Format {
        if self.format == TokenFormat::Json { Format::Json } else { Format::Text }
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let mut purpose = Purpose::command();
    purpose.settings = Settings { caller_wait: options.wait, ..purpose.settings };
    with_session_for(&options.store, purpose, async |session| {
        let grant = session.grant(options.grant).await?;
        let asking = ask(&session.keeper, &grant, &options);
        match explained(session, grant.id, asking).await {
            Ok(token) => {
                let rates = rates_beside(&token, session).await;
                output::print(&shown(&token, options.format, session, &rates))?;
                warn(&token, &rates);
                Ok(())
            }
            Err(error) => Err(cause_named(Failure::without_token(&error, &grant), session, &grant).await),
        }
    })
    .await
}

async fn ask(keeper: &Keeper, grant: &GrantRecord, options: &Options) -> Result<Token, TokenError> {
    if options.refresh {
        return keeper.refresh(grant.id, grant.generation).await;
    }
    let scope = Some(union(&options.scope)).filter(|scopes| !scopes.is_empty());
    let key = AccessKey { resource: options.resource.clone(), scope };
    keeper.token_for(grant.id, key, options.min_ttl.unwrap_or_default()).await
}

/// A grant that was given without a refresh token ends without an answer of the provider: our own records name the cause.
async fn cause_named(failure: Failure, session: &Session, grant: &GrantRecord) -> Failure {
    match session.keeper.why_not_refreshable(grant.id).await {
        Some(diagnosis) => failure.diagnosed(Some(Box::new(diagnosis))),
        None => failure,
    }
}

/// How often the remedies of a warning worked here: a token that is good is not kept waiting for them.
async fn rates_beside(token: &Token, session: &Session) -> Rates {
    match token.warning() {
        Some(_) => session.keeper.recent_remedy_rates().await,
        None => Rates::default(),
    }
}

fn shown(token: &Token, format: TokenFormat, session: &Session, rates: &Rates) -> Zeroizing<String> {
    let expires_at = token.expires_at();
    Zeroizing::new(match format {
        TokenFormat::Text => token.expose().to_owned(),
        TokenFormat::Header => format!("Authorization: {}", *token.authorization_header()),
        TokenFormat::Env => assignments(token),
        TokenFormat::Json => json!({
            "access_token": token.expose(),
            "token_type": token.token_type(),
            "expires_at": expires_at.map(|end| end.to_string()),
            "expires_in": expires_at.map(|end| end.since(session.keeper.clock().now().wall).as_secs()),
            "scope": token.scope(),
            "generation": token.generation(),
            "grant": token.grant(),
            "warning": token.warning().map(|known| diagnosis::view(known, rates)),
        })
        .to_string(),
    })
}

fn assignments(token: &Token) -> String {
    let end = token.expires_at().map(|end| end.to_string());
    let values = [
        ("EVERGRANT_ACCESS_TOKEN", Some(token.expose())),
        ("EVERGRANT_TOKEN_TYPE", Some(token.token_type())),
        ("EVERGRANT_EXPIRES_AT", end.as_deref()),
    ];
    let known = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.map(|(name, value)| format!("export {name}={}", quoted(value))).collect::<Vec<_>>().join("\n")
}

/// A word that a shell takes as it is (POSIX 2.2.2).
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The token works, and soon there may be none.
fn warn(token: &Token, rates: &Rates) {
    if let Some(warning) = token.warning() {
        output::note("warning: this token works, but its grant is in trouble:");
        output::note(clean(&diagnosis::describe(warning, rates)).trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_ends_only_where_it_should() {
        assert_eq!(quoted("a'b$(c)"), r"'a'\''b$(c)'");
    }
}
