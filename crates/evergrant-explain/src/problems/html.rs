//! A page for browsers.

use std::fmt::Write as _;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

use super::problem::Problem;

/// What the pages use beyond CommonMark.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES;

impl Problem {
    /// The sections as HTML: each a `section` with an id made of its heading, so that it can be linked to and styled.
    /// Markup in the source is shown, not used. Links to other pages are relative, so that they hold under any prefix.
    pub fn to_html(&self) -> String {
        let markdown = self.sections();
        let mut page = String::with_capacity(markdown.len() * 2);
        for section in markdown.split("\n## ") {
            let section = section.trim_start_matches("## ");
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            let id = title.to_ascii_lowercase().replace(' ', "-");
            write!(page, "<section id=\"{id}\">\n<h2>{title}</h2>\n").expect("a string takes any text");
            html::push_html(&mut page, Parser::new_ext(body, OPTIONS).map(without_markup));
            page.push_str("</section>\n");
        }
        page
    }
}

/// A sentence of the facts (what to do, a library's versions) as HTML for the inside of a paragraph.
pub fn sentence_to_html(sentence: &str) -> String {
    let mut html = String::with_capacity(sentence.len() * 2);
    html::push_html(&mut html, Parser::new(sentence).map(without_markup));
    html.trim().trim_start_matches("<p>").trim_end_matches("</p>").to_owned()
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
        problem.body = format!("## What it means\n\n{body}");
        problem.to_html()
    }

    #[test]
    fn a_section_can_be_linked_to() {
        let html = rendered("Some *words*.");
        assert_eq!(
            html,
            "<section id=\"what-it-means\">\n<h2>What it means</h2>\n<p>Some <em>words</em>.</p>\n</section>\n"
        );
    }

    #[test]
    fn markup_is_shown_and_never_used() {
        let html = rendered("<script>alert(1)</script>\n\nHello <b onclick=x>you</b>");
        assert!(!html.contains("<script") && !html.contains("<b"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }

    #[test]
    fn a_sentence_has_no_paragraph_of_its_own() {
        let html = super::sentence_to_html("Run `x` *first*, <b>you</b>.");
        assert_eq!(html, "Run <code>x</code> <em>first</em>, &lt;b&gt;you&lt;/b&gt;.");
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
