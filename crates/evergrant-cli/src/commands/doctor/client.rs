//! What a provider answered, as findings with their fixes.

use evergrant::{
    Authentication, Discovery, Examined, How, RedirectAnswer,
    proto::{
        client::ClientRecord,
        diagnosis::Cause,
        failure::ClockOffset,
        provider::RotationKind,
        wire::{http::TransportFailureKind, redirect_uri::RedirectUri},
    },
};
use url::Url;

use super::finding::{Finding, Verdict};
use crate::{exit::Exit, session::is_loopback};

/// Seconds by which clocks may differ before signatures and ID tokens are refused by the strictest servers.
const NOTICEABLE: u64 = 30;

/// Seconds by which nearly every server refuses them.
const TOO_FAR: u64 = 300;

/// The answers, in the order in which a refresh would depend on them. What nobody could tell since nothing was reached
/// is said once, with the reason.
pub(super) fn examined(client: &ClientRecord, examined: &Examined) -> Vec<Finding> {
    let mut findings = vec![reach(client, examined)];
    let mut told = discovery(client, &examined.discovery);
    told.push(clock(examined.clock));
    told.push(authentication(client, &examined.authentication));
    if client.endpoints.authorization.is_some() {
        told.extend(examined.redirect_uris.iter().map(|(uri, answer)| redirect(client, uri, answer)));
    }
    if examined.unreachable.is_some() {
        told.retain(|finding| matches!(finding.verdict, Verdict::Ok | Verdict::Fails));
    }
    findings.extend(told);
    findings
}

fn reach(client: &ClientRecord, examined: &Examined) -> Finding {
    if let Some((_, failure)) = &examined.unreachable {
        let fix = match failure.kind {
            TransportFailureKind::Tls => {
                "check the certificate; name a private CA in egress.ca_bundle of the settings"
            }
            TransportFailureKind::Dns => "check the address of the client and this host's name resolution",
            TransportFailureKind::Forbidden => "see egress.allow_networks of the settings (docs/cli.md)",
            _ => "check the address of the client, the firewall, and egress.proxy of the settings",
        };
        let finding = Finding::fails("reach", Exit::RetryLater, failure.detail.clone(), fix);
        return finding.page(Cause::NetworkOrTls);
    }
    match client.endpoints.token.as_ref().map(Url::scheme) {
        Some("https") => Finding::ok("reach", "over TLS, with a certificate that is trusted here"),
        _ => Finding::ok("reach", "over plain HTTP, which is good for a provider on this host only"),
    }
}

fn discovery(client: &ClientRecord, discovery: &Discovery) -> Vec<Finding> {
    match discovery {
        Discovery::NoIssuer => Vec::new(),
        Discovery::Agrees => {
            vec![Finding::ok("discovery", "its metadata name the endpoints that are on record")]
        }
        Discovery::Unavailable(reason) => {
            let text = format!("its metadata cannot be had: {reason}");
            let fix = format!("check the issuer: evergrant clients show {}", client.name);
            vec![Finding::warning("discovery", text, fix)]
        }
        Discovery::Differs(differences) => differences
            .iter()
            .map(|(name, held, stated)| {
                if let (Some(held), Some(stated)) = (held, stated) {
                    let text = format!("the {name} endpoint is {stated} now; on record is {held}");
                    let fix = "if the provider moved: remove the client and add it again";
                    return Finding::warning("discovery", text, fix).page(Cause::WrongTokenEndpointOrTenant);
                }
                Finding::advice(
                    "discovery",
                    format!("its metadata name a {name} endpoint, which is not on record and so not used"),
                    "nothing has to be done; a client that is added anew takes it over",
                )
            })
            .collect(),
    }
}

fn clock(offset: Option<ClockOffset>) -> Finding {
    let Some(offset) = offset else {
        let fix = "see that this host's clock is kept set: timedatectl set-ntp true";
        return Finding::unclear("clock", "no answer of the provider had a date to compare with", fix);
    };
    let text = describe(offset);
    let fix = "set this host's clock, and keep it set: timedatectl set-ntp true";
    if offset.exceeds(TOO_FAR) {
        Finding::fails("clock", Exit::Other, text, fix).page(Cause::ClockSkew)
    } else if offset.exceeds(NOTICEABLE) {
        Finding::warning("clock", text, fix).page(Cause::ClockSkew)
    } else {
        Finding::ok("clock", text)
    }
}

fn describe(offset: ClockOffset) -> String {
    let seconds = offset.milliseconds.unsigned_abs() / 1000;
    let give = offset.uncertainty_milliseconds.div_ceil(1000);
    if offset.milliseconds.unsigned_abs() <= offset.uncertainty_milliseconds {
        return format!("agrees with the provider's to within {give} s");
    }
    let side = if offset.milliseconds > 0 { "ahead of" } else { "behind" };
    format!("{seconds} s {side} the provider's (give or take {give} s)")
}

fn authentication(client: &ClientRecord, authentication: &Authentication) -> Finding {
    match authentication {
        Authentication::Accepted(how) => {
            let how = match how {
                How::Introspection => "introspection of a made-up token",
                How::TokenEndpoint => "a refresh with a made-up token, refused as such",
            };
            Finding::ok("authentication", format!("the provider takes the credentials ({how})"))
        }
        Authentication::Rejected(diagnosis) => {
            let evidence = diagnosis.evidence.first().map_or("", String::as_str);
            let text = format!("the provider rejects the credentials. {}", evidence.trim_end_matches('.'));
            let command = format!("evergrant clients update {} --secret-prompt", client.name);
            let fix = match &client.provider.pages.console {
                Some(console) => format!("compare with {console}, then {command}"),
                None => command,
            };
            Finding::fails("authentication", Exit::ClientRejected, text, fix).page(diagnosis.cause)
        }
        Authentication::Untold(reason) => {
            let text = format!("the provider's answer does not tell: {reason}");
            let fix = format!("a sign-in tells: evergrant connect {}", client.name);
            Finding::unclear("authentication", text, fix)
        }
    }
}

fn redirect(client: &ClientRecord, uri: &RedirectUri, answer: &RedirectAnswer) -> Finding {
    if !is_protected(uri) {
        let text = format!("{} sends codes over plain HTTP to another host", uri.as_str());
        return Finding::warning("redirect URI", text, "use https, here and at the provider");
    }
    let uri = uri.as_str();
    match answer {
        RedirectAnswer::Registered => Finding::ok("redirect URI", format!("{uri} is registered")),
        RedirectAnswer::NotRefused => {
            Finding::ok("redirect URI", format!("{uri} is not refused by the sign-in page"))
        }
        RedirectAnswer::Refused(reason) => {
            let text = format!("{uri} is refused: {reason}");
            let console = client.provider.pages.console.as_deref().unwrap_or("the provider's console");
            let fix = format!("register exactly this address at {console}");
            Finding::fails("redirect URI", Exit::ClientRejected, text, fix).page(Cause::RedirectUriMismatch)
        }
        RedirectAnswer::Untold(reason) => {
            let text = format!("{uri}: the answer does not tell: {reason}");
            let fix = format!("a sign-in tells: evergrant connect {}", client.name);
            Finding::unclear("redirect URI", text, fix)
        }
    }
}

/// https, this host, or an application's own scheme (RFC 8252 7).
fn is_protected(uri: &RedirectUri) -> bool {
    Url::parse(uri.as_str()).is_ok_and(|url| url.scheme() != "http" || is_loopback(&url))
}

/// What the record of a client says without asking anybody.
pub(super) fn on_record(client: &ClientRecord) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = &client.name;
    if client.redirect_uris.is_empty() && client.endpoints.authorization.is_some() {
        let text = "none on record: nobody can be led through the provider";
        let fix = format!("evergrant clients update {name} --redirect-uri URI");
        findings.push(Finding::warning("redirect URI", text, fix).page(Cause::RedirectUriMismatch));
    }
    if let Some(suspension) = &client.breaker.whole {
        let text = format!(
            "its grants pause: the provider has rejected the registration since {}",
            suspension.since
        );
        let fix = format!(
            "correct what differs with evergrant clients update {name} --help; it is tried again at {}",
            suspension.probe_at
        );
        findings.push(Finding::warning("registration", text, fix).page(suspension.diagnosis.cause));
    }
    if client.provider.rotation.kind == RotationKind::Unknown {
        let text = "what the provider does with used refresh tokens is unknown, so a lost answer is treated as the worst";
        let fix = format!("if you know it: evergrant clients update {name} --rotation KIND");
        findings.push(Finding::advice("rotation", text, fix).page(Cause::LostRotationNotPersisted));
    }
    findings
}
