//! As much of a browser as two forms need: redirects, cookies, and a click. Blocks.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
};

use url::{Url, form_urlencoded};

/// More pages than login, consent and the redirects between them.
const MAX_STEPS: usize = 20;

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).next()
    }

    fn headers_named(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// Signs in as `account`, clicks `decision` (`allow`, `deny`), and returns where the provider then sends the user:
/// the redirect URI with the answer in its query.
pub(crate) fn sign_in(page: &Url, redirect_uri: &str, account: &str, decision: &str) -> Url {
    let (mut url, mut form) = (page.clone(), None);
    let mut cookies = BTreeMap::new();
    for _ in 0..MAX_STEPS {
        let answer = visit(&url, form.as_deref(), &mut cookies);
        form = None;
        if let Some(location) = answer.header("location") {
            url = url.join(location).unwrap();
            if url.as_str().starts_with(redirect_uri) {
                return url;
            }
            continue;
        }
        assert_eq!(answer.status, 200, "{url}: {}", answer.body);
        let (name, value) =
            if answer.body.contains("<title>login<") { ("account", account) } else { ("decision", decision) };
        form = Some(encoded(&[(name, value)]));
    }
    panic!("{MAX_STEPS} pages and no end: {url}");
}

/// One request without cookies.
pub(crate) fn request(method: &str, url: &Url, headers: &[(&str, &str)], body: &str) -> Answer {
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut message = Vec::new();
    write!(message, "{method} {target} HTTP/1.0\r\nhost: {address}\r\n").unwrap();
    for (name, value) in headers {
        write!(message, "{name}: {value}\r\n").unwrap();
    }
    write!(message, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut connection = TcpStream::connect(&address).unwrap();
    connection.write_all(&message).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    parsed(&answer)
}

/// A form's body.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn visit(url: &Url, form: Option<&str>, cookies: &mut BTreeMap<String, String>) -> Answer {
    let jar: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let jar = jar.join("; ");
    let headers = [("cookie", jar.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let method = if form.is_some() { "POST" } else { "GET" };
    let answer = request(method, url, &headers, form.unwrap_or_default());
    for cookie in answer.headers_named("set-cookie") {
        let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).unwrap();
        cookies.insert(name.to_owned(), value.to_owned());
    }
    // An emptied cookie is one that was taken back.
    cookies.retain(|_, value| !value.is_empty());
    answer
}

fn parsed(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
    let header =
        |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Answer { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
}
