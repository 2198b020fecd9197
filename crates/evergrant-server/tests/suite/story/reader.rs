//! A person made of HTTP alone: follows redirects, reads pages as text, and sends the form of the button it clicks.

use std::sync::Mutex;

use reqwest::{Method, RequestBuilder};
use url::Url;

use super::person::Person;
use crate::{answer::Answer, world::World};

/// More than any way through a provider has.
const MOST_REDIRECTS: usize = 8;

pub(crate) struct Reader<'a> {
    world: &'a World,
    page: Mutex<Page>,
}

#[derive(Clone, Default)]
struct Page {
    address: String,
    html: String,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, page: Mutex::default() }
    }

    fn page(&self) -> Page {
        self.page.lock().unwrap().clone()
    }

    /// Sends a request and follows where it leads.
    async fn arrive(&self, mut address: Url, mut request: RequestBuilder) {
        for _ in 0..MOST_REDIRECTS {
            let answer = self.send(&address, request).await;
            if !(300..400).contains(&answer.status) {
                assert!(answer.header("content-type").starts_with("text/html"), "{answer:?}");
                *self.page.lock().unwrap() = Page { address: address.into(), html: answer.body };
                return;
            }
            address = address.join(answer.header("location")).unwrap();
            request = self.request(Method::GET, &address);
        }
        panic!("a loop of redirects, at {address}");
    }

    /// What our own server answers is held against its document, too.
    async fn send(&self, address: &Url, request: RequestBuilder) -> Answer {
        if address.as_str().starts_with(&self.world.url) {
            self.world.send(request).await
        } else {
            Answer::read(request.send().await.unwrap()).await
        }
    }

    fn request(&self, method: Method, address: &Url) -> RequestBuilder {
        self.world.anonymous_at(method, address.as_str(), "")
    }
}

impl Person for Reader<'_> {
    async fn open(&self, link: &str) {
        let address: Url = link.parse().unwrap();
        let request = self.request(Method::GET, &address);
        self.arrive(address, request).await;
    }

    async fn sees(&self, heading: &str) -> String {
        let Page { html, .. } = self.page();
        let shown = html.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0;
        assert!(text(shown).contains(heading), "{heading:?} is not the heading of {html}");
        text(html.split_once("<body").map_or(&*html, |(_, body)| body))
    }

    async fn clicks(&self, words: &str) {
        let Page { address, html } = self.page();
        let address: Url = address.parse().unwrap();
        let (before, tag) = element(&html, words);
        if let Some(target) = attribute(tag, "href") {
            return self.open(address.join(&target).unwrap().as_str()).await;
        }
        let form = &before[before.rfind("<form").expect("a button has a form")..];
        let target =
            attribute(form, "action").map_or_else(|| address.clone(), |at| address.join(&at).unwrap());
        let hidden = form.split("<input ").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let named = |tag: &str| Some((attribute(tag, "name")?, attribute(tag, "value")?));
        let fields: Vec<_> = hidden.chain([tag]).filter_map(named).collect();
        let request = self.request(Method::POST, &target).form(&fields);
        self.arrive(target, request).await;
    }
}

/// The link or button with these words: what is before it, and its opening tag.
fn element<'a>(html: &'a str, words: &str) -> (&'a str, &'a str) {
    let starts = html.match_indices("<a ").chain(html.match_indices("<button"));
    let found = starts.map(|(at, _)| html.split_at(at)).find(|(_, rest)| {
        let end = rest.find("</a>").into_iter().chain(rest.find("</button>")).min();
        end.is_some_and(|end| text(&rest[..end]).contains(words))
    });
    let (before, rest) = found.unwrap_or_else(|| panic!("there is no {words:?} to click in {html}"));
    (before, &rest[..=rest.find('>').unwrap()])
}

/// An attribute of the first tag of a piece of HTML.
fn attribute(html: &str, name: &str) -> Option<String> {
    let tag = html.split_once('>')?.0;
    let value = tag.split_once(&format!(" {name}=\"")).or_else(|| tag.split_once(&format!("{name}=\"")))?.1;
    Some(unescaped(value.split_once('"')?.0))
}

/// What a person reads of a piece of HTML.
fn text(html: &str) -> String {
    let pieces = html.split('<').enumerate().map(|(index, piece)| {
        if index == 0 { piece } else { piece.split_once('>').map_or("", |(_, text)| text) }
    });
    unescaped(&pieces.collect::<String>())
}

fn unescaped(html: &str) -> String {
    let named = [("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">")];
    let numbered =
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&"), ("&amp;", "&")];
    named.iter().chain(&numbered).fold(html.to_owned(), |text, (code, letter)| text.replace(code, letter))
}
