//! In which form an answer is wanted (RFC 9110 12.5.1).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What a page can be had as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Html,
    Json,
    Markdown,
}

/// The answer depends on what was accepted.
pub(super) const VARY: (HeaderName, HeaderValue) = (header::VARY, HeaderValue::from_static("accept"));

pub(super) const MARKDOWN: (HeaderName, HeaderValue) =
    (header::CONTENT_TYPE, HeaderValue::from_static("text/markdown; charset=utf-8"));

impl Wanted {
    /// The form of the greatest weight, the first of several. A page for people where nothing is named that we have.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let named = values.flat_map(|value| value.split(',')).filter_map(weighed);
        let best = named.reduce(|best, other| if other.1 > best.1 { other } else { best });
        best.map_or(Self::Html, |(form, _)| form)
    }
}

/// A media range and its weight in thousandths; none for what we do not have and for what is refused.
fn weighed(range: &str) -> Option<(Wanted, u32)> {
    let mut parts = range.split(';').map(str::trim);
    let form = match parts.next()?.to_ascii_lowercase().as_str() {
        "text/html" | "application/xhtml+xml" | "text/*" | "*/*" => Wanted::Html,
        "application/json" | "application/*" => Wanted::Json,
        "text/markdown" => Wanted::Markdown,
        _ => return None,
    };
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths)?;
    (quality > 0).then_some((form, quality))
}

fn thousandths(quality: &str) -> Option<u32> {
    let (whole, rest) = quality.split_once('.').unwrap_or((quality, ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let rest: u32 = format!("{rest:0<3}").parse().ok()?;
    match whole {
        "0" => Some(rest),
        "1" if rest == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Wanted::of(&headers)
    }

    #[test]
    fn people_get_a_page_and_programs_what_they_name() {
        assert_eq!(Wanted::of(&HeaderMap::new()), Wanted::Html);
        assert_eq!(wanted("*/*"), Wanted::Html);
        assert_eq!(wanted("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Wanted::Html);
        assert_eq!(wanted("application/json"), Wanted::Json);
        assert_eq!(wanted("text/markdown, */*;q=0.1"), Wanted::Markdown);
        assert_eq!(wanted("text/html;q=0.5, application/json;q=0.9"), Wanted::Json);
    }

    #[test]
    fn what_cannot_be_read_is_not_there() {
        for odd in
            ["image/png", "application/json;q=0", "application/json;q=7", "application/json;q=0.12345", ";;,"]
        {
            assert_eq!(wanted(odd), Wanted::Html, "{odd}");
        }
    }
}
