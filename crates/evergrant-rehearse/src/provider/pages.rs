//! The pages that people see. They need no script, and the templates escape everything.

use askama::Template;

use super::{Response, parameters::Parameters};
use crate::settings::UserSettings;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    client_id: &'a str,
    scope: &'a [String],
    users: &'a [&'a UserSettings],
    hint: Option<&'a str>,
    unknown_hint: Option<&'a str>,
    action: &'a str,
    user_code: Option<&'a str>,
    fields: Vec<(&'a str, &'a str)>,
}

#[derive(Template)]
#[template(path = "enter_code.html")]
struct EnterCode {
    wrong: bool,
}

#[derive(Template)]
#[template(path = "device_decided.html")]
struct DeviceDecided {
    approved: bool,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure<'a> {
    error: &'a str,
    description: &'a str,
}

/// The users to choose from, as buttons of one form that carries the request on.
pub(super) fn login(
    client_id: &str,
    scope: &[String],
    users: &[&UserSettings],
    hint: Option<&str>,
    request: &Parameters,
) -> Response {
    let carried = |name: &str| !matches!(name, "user" | "decision" | "login_hint" | "prompt");
    let page = Login {
        client_id,
        scope,
        users,
        hint,
        unknown_hint: hint.filter(|hint| users.iter().all(|user| user.username != *hint)),
        action: "/authorize/login",
        user_code: None,
        fields: request.pairs().filter(|(name, _)| carried(name)).collect(),
    };
    html(200, &page, FormTarget::Anywhere)
}

/// Asks for the code that a device shows.
pub(super) fn enter_code(wrong: bool) -> Response {
    html(200, &EnterCode { wrong }, FormTarget::Here)
}

/// The users to choose from, for the device that shows this code.
pub(super) fn confirm_device(
    client_id: &str,
    scope: &[String],
    user_code: &str,
    users: &[&UserSettings],
) -> Response {
    let page = Login {
        client_id,
        scope,
        users,
        hint: None,
        unknown_hint: None,
        action: "/device",
        user_code: Some(user_code),
        fields: vec![("user_code", user_code)],
    };
    html(200, &page, FormTarget::Here)
}

/// The user has decided about a device.
pub(super) fn device_decided(approved: bool) -> Response {
    html(200, &DeviceDecided { approved }, FormTarget::Here)
}

/// A refusal that cannot be redirected.
pub(super) fn failure(status: u16, error: &str, description: &str) -> Response {
    html(status, &Failure { error, description }, FormTarget::Here)
}

/// Where a page's form may lead.
#[derive(Clone, Copy)]
enum FormTarget {
    Here,
    /// Browsers hold `form-action` against every redirect that follows: to the client, and to wherever the client
    /// redirects then, which nobody knows here. The form's own target is ours in any case.
    Anywhere,
}

fn html(status: u16, page: &impl Template, form: FormTarget) -> Response {
    let body = page.render().expect("rendering into memory cannot fail").into_bytes();
    let form_action = match form {
        FormTarget::Here => "; form-action 'self'",
        FormTarget::Anywhere => "",
    };
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'{form_action}"
    );
    Response { status, headers: Vec::new(), body }
        .with_header("content-type", "text/html; charset=utf-8")
        .with_header("content-security-policy", &policy)
        .with_header("cache-control", "no-store")
        .with_header("referrer-policy", "no-referrer")
        .with_header("x-content-type-options", "nosniff")
        .with_header("x-frame-options", "DENY")
}
