//! HTTP as text: what `curl -i` and `curl -v` print, and exchanges as debuggers log them.

use super::{Case, Form, add_answer, secrets::Secrets, supposition};

/// Most header lines of one message.
const MAX_HEADERS: usize = 200;

/// Reads an answer, with its request if that stands before it. `None` if there is no status line.
pub(super) fn read(text: &str) -> Option<Case> {
    let lines: Vec<&str> = text.lines().map(without_marks).collect();
    // The last answer counts: `curl -L` and retries print several.
    let status_line = lines.iter().rposition(|line| status_of(line).is_some())?;
    let request = request(&lines[..status_line]);
    let (headers, body_start) = headers(&lines, status_line + 1);
    let body = body(text, &lines, body_start);
    let mut case = Case {
        form: Form::Exchange,
        status: status_of(lines[status_line]),
        headers: headers.into_iter().map(supposition::kept).collect(),
        host: request.host,
        stage: supposition::stage_of_request(&request.path, &request.body),
        ..Case::default()
    };
    let mut secrets = Secrets::of_request(&request.body);
    secrets.add_request(supposition::query_of(&request.path));
    secrets.add_headers(request.headers.into_iter());
    add_answer(&mut case, Some(body.as_str()).filter(|body| !body.trim().is_empty()), &secrets);
    if case.stage.is_none() {
        case.stage = supposition::stage_of(&body, &case);
    }
    Some(case)
}

/// `curl -v` marks what it sends and receives.
fn without_marks(line: &str) -> &str {
    line.strip_prefix("< ").or_else(|| line.strip_prefix("> ")).unwrap_or(match line {
        "<" | ">" => "",
        line => line,
    })
}

/// `HTTP/1.1 400 Bad Request`
fn status_of(line: &str) -> Option<u16> {
    let rest = line.strip_prefix("HTTP/")?;
    let status = rest.split_whitespace().nth(1)?;
    status.parse().ok().filter(|status| (100..600).contains(status))
}

#[derive(Default)]
struct Request {
    path: String,
    host: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
}

/// `POST /token HTTP/1.1` or `POST https://idp.example/token`, its headers and its body.
fn request(lines: &[&str]) -> Request {
    const METHODS: [&str; 5] = ["POST ", "GET ", "PUT ", "PATCH ", "DELETE "];
    let begins = |line: &&str| METHODS.iter().any(|method| line.starts_with(method));
    let Some(start) = lines.iter().rposition(begins) else { return Request::default() };
    let target = lines[start].split_whitespace().nth(1).unwrap_or_default();
    let (headers, body_start) = headers(lines, start + 1);
    let named = headers.iter().find(|(name, _)| name == "host").map(|(_, host)| host.clone());
    Request {
        path: target.to_owned(),
        host: supposition::host_of(target).or_else(|| named.and_then(|host| supposition::host_of(&host))),
        headers,
        body: lines.get(body_start..).unwrap_or_default().join("\n"),
    }
}

/// The headers from a line on, and where the body begins.
fn headers(lines: &[&str], start: usize) -> (Vec<(String, String)>, usize) {
    let mut headers = Vec::new();
    for (index, line) in lines.iter().enumerate().skip(start) {
        let header = line.split_once(':').filter(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        });
        match header {
            Some((name, value)) if headers.len() < MAX_HEADERS => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            _ if line.trim().is_empty() => return (headers, index + 1),
            _ => return (headers, index),
        }
    }
    (headers, lines.len())
}

fn body(text: &str, lines: &[&str], start: usize) -> String {
    if start >= lines.len() {
        return String::new();
    }
    // `* Connection #0 left intact` is curl's own.
    let own = |line: &&&str| !line.starts_with("* ");
    if text.lines().any(|line| line.starts_with("* ")) {
        return lines[start..].iter().filter(own).copied().collect::<Vec<_>>().join("\n");
    }
    lines[start..].join("\n")
}
