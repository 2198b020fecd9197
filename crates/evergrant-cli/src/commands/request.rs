//! `evergrant request`: an API request with a grant's access token.

use std::time::Duration;

use clap::Args;
use evergrant::{
    ResourceRequest, SendError,
    proto::{
        engine::Settings,
        grant::AccessKey,
        name::GrantId,
        wire::http::{HttpResponse, Method, RequestSent, TransportFailure, TransportFailureKind},
    },
};
use url::Url;

use super::{arguments::seconds, waiting::explained};
use crate::{
    cli::StoreOptions,
    exit::Exit,
    failure::Failure,
    output::{
        self,
        style::{self, Tone},
        text::clean_line,
    },
    session::{Purpose, is_loopback, with_session_for},
};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    store: StoreOptions,
    /// The grant
    grant: GrantId,
    /// Where to; https, or http to this host
    url: Url,
    /// The method [default: GET, or POST with --data]
    #[arg(short = 'X', long, value_parser = method)]
    request: Option<Method>,
    /// The body; @FILE reads it from a file, @- from stdin
    #[arg(short, long)]
    data: Option<String>,
    /// A header; may be repeated
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Print status and headers, too
    #[arg(short, long)]
    include: bool,
    /// Exit with 1 if the answer is an error (status 400 or more)
    #[arg(short, long)]
    fail: bool,
    /// Wait at most so long for a refresh
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    wait: Duration,
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    check(&options.url)?;
    let body = body(options.data.clone()).await?;
    let mut purpose = Purpose::command();
    purpose.settings = Settings { caller_wait: options.wait, ..purpose.settings };
    with_session_for(&options.store, purpose, async |session| {
        let grant = session.grant(options.grant).await?;
        let sending = session.keeper.send(grant.id, resource_request(&options, body));
        match explained(session, grant.id, sending).await {
            Ok(response) => show(&response, &options),
            Err(SendError::Token(error)) => Err(Failure::without_token(&error, &grant)),
            Err(SendError::Transport(failure)) => Err(unanswered(&failure)),
        }
    })
    .await
}

fn unanswered(failure: &TransportFailure) -> Failure {
    let message = format!("no answer from the resource server: {}", failure.detail);
    match (failure.kind, failure.request_sent) {
        (TransportFailureKind::Forbidden, _) => Failure::of(Exit::RequestRefused, message)
            .advise("if this network shall be reached, list it in egress.allow_networks (docs/cli.md)"),
        (_, RequestSent::No) => Failure::of(Exit::RetryLater, message)
            .advise("nothing was sent: check the URL and the network, then try again"),
        (_, RequestSent::Maybe) => Failure::of(Exit::RetryLater, message)
            .advise("it may have been processed: try again only if doing it twice does no harm"),
    }
}

/// A token on a plain connection is everybody's.
fn check(url: &Url) -> Result<(), Failure> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err(Failure::usage("an access token is not sent over plain http, except to this host")
            .advise("use the https address")),
        scheme => Err(Failure::usage(format!("{scheme:?} is no scheme for a request: use https"))),
    }
}

fn resource_request(options: &Options, body: Option<Vec<u8>>) -> ResourceRequest {
    let usual = if body.is_some() { Method::Post } else { Method::Get };
    let mut headers = options.header.clone();
    if body.is_some() && !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    ResourceRequest {
        method: options.request.unwrap_or(usual),
        url: options.url.clone(),
        headers,
        body: body.unwrap_or_default(),
        key: AccessKey::default(),
    }
}

async fn body(data: Option<String>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(data) = data else { return Ok(None) };
    let Some(file) = data.strip_prefix('@').map(str::to_owned) else { return Ok(Some(data.into_bytes())) };
    let reading = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut bytes = Vec::new();
        let read = match file.as_str() {
            "-" => std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes),
            path => std::fs::read(path),
        };
        read.map_err(|error| Failure::new("cannot read the body", error))
    });
    reading.await.map_err(|error| Failure::new("cannot read the body", error))?.map(Some)
}

fn show(response: &HttpResponse, options: &Options) -> Result<(), Failure> {
    if options.include {
        let style = style::of_stdout();
        let tone = if response.status < 400 { Tone::Good } else { Tone::Bad };
        output::print(&style.paint(tone, &format!("HTTP {}", response.status)))?;
        for (name, value) in &response.headers {
            output::print(&format!("{}: {}", clean_line(name), clean_line(value)))?;
        }
        output::print("")?;
    }
    show_body(response)?;
    if response.status >= 400 {
        let message = format!("the resource server answered with status {}", response.status);
        if options.fail {
            return Err(Failure::of(Exit::Other, message));
        }
        output::note(&message);
    }
    if (300..400).contains(&response.status) {
        output::note("it redirects elsewhere; the token is not taken along: ask the other address yourself");
    }
    Ok(())
}

/// A file gets the bytes as they came, a terminal nothing that it would obey.
fn show_body(response: &HttpResponse) -> Result<(), Failure> {
    use std::io::IsTerminal;
    if !std::io::stdout().is_terminal() {
        return output::print_bytes(&response.body);
    }
    let text = String::from_utf8_lossy(&response.body);
    output::print(&output::text::clean(text.replace("\r\n", "\n").trim_end()))
}

fn method(text: &str) -> Result<Method, String> {
    match text.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        "POST" => Ok(Method::Post),
        "PUT" => Ok(Method::Put),
        "PATCH" => Ok(Method::Patch),
        "DELETE" => Ok(Method::Delete),
        _ => Err("use GET, HEAD, POST, PUT, PATCH or DELETE".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write NAME: VALUE")?;
    let name = name.trim().to_ascii_lowercase();
    match name.as_str() {
        "" => Err("write NAME: VALUE".to_owned()),
        "authorization" => Err("the authorization header is what this command adds".to_owned()),
        _ => Ok((name, value.trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_out_encrypted_or_not_beyond_this_host() {
        for good in
            ["https://api.example/x", "http://127.0.0.1:8790/userinfo", "http://localhost/", "http://[::1]/"]
        {
            assert!(check(&Url::parse(good).unwrap()).is_ok(), "{good}");
        }
        for bad in
            ["http://api.example/", "http://10.0.0.1/", "ftp://127.0.0.1/", "http://localhost.example/"]
        {
            assert!(check(&Url::parse(bad).unwrap()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_authorization_header_is_not_for_the_caller_to_set() {
        assert!(header("Authorization: Bearer x").is_err());
        assert_eq!(header("Accept: a:b").unwrap(), ("accept".to_owned(), "a:b".to_owned()));
    }
}
