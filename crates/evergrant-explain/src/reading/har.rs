//! HTTP archives, as browsers and proxies write them (w3c.github.io/web-performance/specs/HAR).

use serde_json::Value;

use super::{Case, Form, MAX_BODY_BYTES, Unreadable, add_answer, secrets::Secrets, supposition};

/// The last failed request for a token; without one, the last API call that was refused.
pub(super) fn read(archive: &Value) -> Result<Case, Unreadable> {
    let entries =
        archive.pointer("/log/entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let failed = || entries.iter().rev().filter(|entry| has_failed(entry));
    failed()
        .find(|entry| asks_for_a_token(entry))
        .or_else(|| failed().find(|entry| matches!(status(entry), Some(401 | 403))))
        .map(of_entry)
        .ok_or(Unreadable::NothingInHar)
}

fn status(entry: &Value) -> Option<u16> {
    let status = entry.pointer("/response/status")?.as_u64()?;
    u16::try_from(status).ok().filter(|status| *status >= 100)
}

/// Some providers say "error" with 200.
fn has_failed(entry: &Value) -> bool {
    let says_error =
        || body(entry).is_some_and(|body| body.contains("error") && !body.contains("access_token"));
    status(entry).is_none_or(|status| status >= 400 || says_error())
}

fn asks_for_a_token(entry: &Value) -> bool {
    let method = entry.pointer("/request/method").and_then(Value::as_str).unwrap_or_default();
    // A browser's way to the authorization endpoint is a GET, too, and says no grant type.
    let in_query = || supposition::query_of(address(entry)).contains("grant_type=");
    let posted = method.eq_ignore_ascii_case("post");
    (posted || method.eq_ignore_ascii_case("get")) && in_query()
        || posted
            && (sent(entry).contains("grant_type")
                || entry.pointer("/request/postData/params").and_then(Value::as_array).is_some_and(
                    |parameters| {
                        parameters.iter().any(|parameter| {
                            parameter.get("name").and_then(Value::as_str) == Some("grant_type")
                        })
                    },
                ))
}

fn address(entry: &Value) -> &str {
    entry.pointer("/request/url").and_then(Value::as_str).unwrap_or_default()
}

fn sent(entry: &Value) -> &str {
    entry.pointer("/request/postData/text").and_then(Value::as_str).unwrap_or_default()
}

fn body(entry: &Value) -> Option<&str> {
    let body = entry.pointer("/response/content/text").and_then(Value::as_str)?;
    (body.len() <= MAX_BODY_BYTES).then_some(body)
}

fn of_entry(entry: &Value) -> Case {
    let url = address(entry);
    let parameters = entry.pointer("/request/postData/params").and_then(Value::as_array);
    let sent = parameters.map_or_else(
        || sent(entry).to_owned(),
        |parameters| {
            let pairs = parameters.iter().filter_map(|parameter| {
                Some(format!("{}={}", parameter.get("name")?.as_str()?, parameter.get("value")?.as_str()?))
            });
            pairs.collect::<Vec<_>>().join("&")
        },
    );
    let mut case = Case {
        form: Form::Har,
        host: supposition::host_of(url),
        status: status(entry),
        headers: headers(entry, "/response/headers").map(supposition::kept).collect(),
        stage: supposition::stage_of_request(url, &sent),
        ..Case::default()
    };
    let mut secrets = Secrets::of_request(&sent);
    secrets.add_request(supposition::query_of(url));
    secrets.add_headers(headers(entry, "/request/headers"));
    add_answer(&mut case, body(entry), &secrets);
    case
}

fn headers<'a>(entry: &'a Value, path: &str) -> impl Iterator<Item = (String, String)> + 'a {
    entry.pointer(path).and_then(Value::as_array).into_iter().flatten().filter_map(|header| {
        let name = header.get("name")?.as_str()?.to_ascii_lowercase();
        Some((name, header.get("value")?.as_str()?.to_owned()))
    })
}
