//! The rehearsal server's core, one request after another, separated by lines of four equals signs.

use std::sync::{Arc, LazyLock};

use evergrant_rehearse::{
    Delivery, Method, Progress, Provider, Request, Response, Settings, SigningKey, Timestamp,
};

use crate::http_text::Message;

const SEPARATOR: &[u8] = b"\n====\n";

/// Longer series find nothing that short ones do not, and take long.
const MOST: usize = 8;

/// Made once: it takes a second.
pub(super) fn signing_key() -> &'static Arc<SigningKey> {
    static KEY: LazyLock<Arc<SigningKey>> =
        LazyLock::new(|| Arc::new(SigningKey::generate().expect("a key can be made")));
    &KEY
}

/// Whatever is asked, the answer is one that HTTP knows.
pub(super) fn requests(bytes: &[u8]) {
    let made = Provider::new(Settings::default(), "http://127.0.0.1:8790", Arc::clone(signing_key()));
    let mut provider = made.expect("the default settings are good");
    let mut drawn = 0_u8;
    for (index, bytes) in split(bytes).take(MOST).enumerate() {
        let now = Timestamp(1_795_222_891_000 + i64::try_from(index).expect("below MOST") * 1000);
        let mut entropy = |room: &mut [u8]| {
            drawn = drawn.wrapping_add(1);
            room.fill(drawn);
        };
        match provider.handle(request(bytes), now, &mut entropy) {
            Progress::Deliver(Delivery::Whole(response) | Delivery::Truncated(response, _)) => {
                check(&response);
            }
            Progress::Deliver(_) => {}
            Progress::Wait { exchange, .. } => {
                let _ = provider.resume(exchange, now, &mut entropy);
            }
        }
    }
    assert!(provider.journal(0).count() <= MOST);
}

fn check(response: &Response) {
    assert!((100..600).contains(&response.status), "{}", response.status);
    for (name, value) in &response.headers {
        let line = format!("{name}{value}");
        assert!(!line.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "a header of its own: {line:?}");
    }
}

fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let at = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
        let (part, rest) = at.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + SEPARATOR.len()..]));
        bytes = rest;
        Some(part)
    })
}

fn request(bytes: &[u8]) -> Request {
    let message = Message::of(bytes);
    let (method, target) = message.first_line.split_once(' ').unwrap_or(("GET", &message.first_line));
    let method = match method {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Other,
    };
    Request { headers: message.headers, body: message.body.to_vec(), ..Request::new(method, target) }
}
