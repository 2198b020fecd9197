//! A body of a provider as one object, whatever its content type says.

use zeroize::Zeroizing;

use super::{
    form,
    json::{Extent, Json, MAX_BODY_BYTES, Object, parse_object},
    token_response::Oddity,
};

/// The members of a body and what was odd about it.
pub(super) struct Document {
    pub(super) object: Object,
    /// Members may be missing behind a cut.
    pub(super) truncated: bool,
    pub(super) oddities: Vec<Oddity>,
}

impl Document {
    /// Reads JSON or a form. `None` for anything else: HTML, plain text, nothing.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_BODY_BYTES {
            return None;
        }
        let mut oddities = Vec::new();
        let body = body
            .strip_prefix(b"\xef\xbb\xbf")
            .inspect(|_| oddities.push(Oddity::ByteOrderMark))
            .unwrap_or(body);
        let text = Zeroizing::new(String::from_utf8_lossy(body).into_owned());
        if std::str::from_utf8(body).is_err() {
            oddities.push(Oddity::NotUtf8);
        }
        let mut document = Self::read_json(&text).or_else(|| Self::read_form(&text))?;
        document.oddities.extend(oddities);
        document
            .oddities
            .extend(document.object.repeated().take(8).map(|name| Oddity::RepeatedMember(short(name))));
        Some(document)
    }

    fn read_json(text: &str) -> Option<Self> {
        let (object, extent) = parse_object(text)?;
        let oddities = match extent {
            Extent::Whole => vec![],
            Extent::TrailingData => vec![Oddity::TrailingData],
            Extent::Truncated => vec![Oddity::Truncated],
        };
        Some(Self { object, truncated: extent == Extent::Truncated, oddities })
    }

    /// GitHub and old Facebook answer with a form unless asked for JSON.
    fn read_form(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.contains('=') || text.starts_with(['<', '{', '[', '"']) || text.contains(char::is_whitespace)
        {
            return None;
        }
        let pairs = form::parse_pairs(text.as_bytes()).ok()?;
        let members = pairs.into_iter().map(|(name, value)| (name, Json::Text(value))).collect();
        Some(Self { object: Object(members), truncated: false, oddities: vec![Oddity::FormEncoded] })
    }
}

/// A member's name, short enough to be shown.
pub(super) fn short(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_and_forms_are_told_apart_by_their_content() {
        let json = Document::read(b"\xef\xbb\xbf {\"a\":\"b\"}").unwrap();
        assert_eq!((json.object.text("a"), json.oddities), (Some("b"), vec![Oddity::ByteOrderMark]));
        let form = Document::read(b"a=b&c=d\n").unwrap();
        assert_eq!((form.object.text("a"), form.oddities), (Some("b"), vec![Oddity::FormEncoded]));
        assert!(Document::read(b"<a href=x>").is_none());
        assert!(Document::read(b"the proxy says a=b").is_none());
        assert!(Document::read(&vec![b' '; MAX_BODY_BYTES + 1]).is_none());
    }

    /// As many members as fit into a body: each is looked at once, not beside all that came before it.
    #[test]
    fn a_repeated_member_is_found_among_as_many_as_fit() {
        let members: Vec<_> = (0..100_000).map(|number| format!(r#""{number:x}":1,"#)).collect();
        let members = members.concat();
        let read = |last: &str| Document::read(format!(r#"{{{members}"{last}":1}}"#).as_bytes()).unwrap();
        assert_eq!(read("last").oddities, []);
        assert_eq!(read("0").oddities, [Oddity::RepeatedMember("0".to_owned())]);
    }

    proptest! {
        #[test]
        fn reading_arbitrary_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Document::read(&bytes);
        }

        #[test]
        fn reading_a_cut_object_never_panics(cut in 0usize..60) {
            let whole = br#"{"access_token":"a","nested":{"list":[1,2.5,null,true]},"z":"\u00e9"}"#;
            let _ = Document::read(&whole[..cut.min(whole.len())]);
        }
    }
}
