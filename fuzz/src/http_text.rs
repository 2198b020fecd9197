//! HTTP messages as text, so that seeds can be read and written by people.
//!
//! ```text
//! 429
//! content-type: application/json
//! retry-after: 7
//!
//! {"error":"slow_down"}
//! ```

use evergrant_proto::wire::http::HttpResponse;

/// A message in three parts: the first line, the headers, the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) first_line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Whatever the bytes are, they are a message: without an empty line all of it is head.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 2..]));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split('\n');
        let first_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { first_line, headers, body }
    }

    /// The message as a provider's answer. A first line that is no status stands for 200.
    pub(crate) fn into_response(self) -> HttpResponse {
        let status = self.first_line.parse().ok().filter(|status| (100..600).contains(status));
        HttpResponse { status: status.unwrap_or(200), headers: self.headers, body: self.body.to_vec().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_three_parts() {
        let response = Message::of(b"429\nRetry-After: 7\n\n{}\n\n").into_response();
        assert_eq!((response.status, response.header("retry-after")), (429, Some("7")));
        assert_eq!(response.body.as_slice(), b"{}\n\n");
    }

    #[test]
    fn bytes_without_an_empty_line_are_a_head() {
        let response = Message::of(b"\xff\n: \nno header").into_response();
        assert_eq!((response.status, response.body.len()), (200, 0));
    }
}
