//! A page for browsers.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

use super::problem::Problem;

/// What the pages use beyond CommonMark.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES;

impl Problem {
    /// The sections as HTML: headings of the second rank, paragraphs, lists, tables, code, links. Markup in the source is shown,
    /// not used. Links to other pages are relative, so that they hold under any prefix.
    pub fn to_html(&self) -> String {
        let markdown = self.sections();
        let mut page = String::with_capacity(markdown.len() * 2);
        html::push_html(&mut page, Parser::new_ext(&markdown, OPTIONS).map(without_markup));
        page
    }
}

fn without_markup(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: address(dest_url), title, id })
        }
        other => other,
    }
}

/// `password_changed.md` is the file's name; the page's address ends without it. Nothing but pages and https is a link.
fn address(target: CowStr<'_>) -> CowStr<'_> {
    if target.starts_with("https://") {
        return target;
    }
    match target.strip_suffix(".md") {
        Some(page) if page.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            page.to_owned().into()
        }
        _ => "#".into(),
    }
}

#[cfg(test)]
mod tests {
    fn rendered(body: &str) -> String {
        let mut problem = crate::problems::find("user_revoked").unwrap().clone();
        body.clone_into(&mut problem.body);
        problem.to_html()
    }

    #[test]
    fn markup_is_shown_and_never_used() {
        let html = rendered("<script>alert(1)</script>\n\nHello <b onclick=x>you</b>");
        assert!(!html.contains("<script") && !html.contains("<b"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn links_lead_to_pages_and_to_https_only() {
        let html = rendered(
            "[a](password_changed.md) [b](javascript:alert(1)) [c](https://example.org/) [d](/../x.md)",
        );
        assert!(html.contains("<a href=\"password_changed\">a</a>"), "{html}");
        assert!(html.contains("<a href=\"#\">b</a>"), "{html}");
        assert!(html.contains("<a href=\"https://example.org/\">c</a>"), "{html}");
        assert!(html.contains("<a href=\"#\">d</a>"), "{html}");
    }
}
