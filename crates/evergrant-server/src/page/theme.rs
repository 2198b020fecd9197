//! The colour of an app on our pages, so that everything on them can be read and found: in light and in dark.

use evergrant::proto::client::Color;

const BLACK: Color = Color { channels: [0; 3] };
const WHITE: Color = Color { channels: [255; 3] };

/// What buttons lie on, as `--card` of the style has it.
const LIGHT_CARD: Color = Color { channels: [0xff, 0xfe, 0xfb] };
const DARK_CARD: Color = Color { channels: [0x1a, 0x21, 0x1e] };

/// What has to be told from its surroundings and is no text (WCAG 2.2, 1.4.11).
const VISIBLE: f64 = 3.0;

/// Steps on the way to black or white.
const STEPS: u8 = 32;

/// A style that gives a page the colour of an app. The colour itself fills what is clicked, with the text on it in black
/// or white, whichever can be read; edges and focus rings have it as near as they can and be seen on the card.
pub(super) fn style(color: Color) -> String {
    let (on, light, dark) = (text_on(color), moved(color, BLACK, LIGHT_CARD), moved(color, WHITE, DARK_CARD));
    format!(
        ":root{{--fill:{color};--on-fill:{on};--edge:{light}}}\
         @media (prefers-color-scheme:dark){{:root{{--fill:{color};--on-fill:{on};--edge:{dark}}}}}"
    )
}

/// Black or white; the better of the two always has a contrast above 4.5 (WCAG 2.2, 1.4.3).
fn text_on(fill: Color) -> Color {
    if contrast(fill, WHITE) >= contrast(fill, BLACK) { WHITE } else { BLACK }
}

/// The colour, as little nearer to `end` as makes it visible on the card.
fn moved(color: Color, end: Color, card: Color) -> Color {
    let steps = (0..=STEPS).map(|step| mixed(color, end, step));
    steps.into_iter().find(|mixed| contrast(*mixed, card) >= VISIBLE).unwrap_or(end)
}

fn mixed(color: Color, end: Color, step: u8) -> Color {
    let channel = |index: usize| {
        let (from, to) = (u16::from(color.channels[index]), u16::from(end.channels[index]));
        let sum = from * u16::from(STEPS - step) + to * u16::from(step);
        u8::try_from(sum / u16::from(STEPS)).expect("between two bytes")
    };
    Color { channels: [channel(0), channel(1), channel(2)] }
}

/// The contrast ratio of WCAG 2.2: 1 to 21.
fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The relative luminance of WCAG 2.2: 0 to 1.
fn luminance(color: Color) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = color.channels.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::STYLE;

    fn every_colour() -> impl Iterator<Item = Color> {
        let channel = || (0..=255).step_by(15);
        channel().flat_map(move |red| {
            channel().flat_map(move |green| channel().map(move |blue| Color { channels: [red, green, blue] }))
        })
    }

    #[test]
    fn the_ratios_are_those_of_wcag() {
        let grey = Color { channels: [0x76; 3] };
        assert!((contrast(BLACK, WHITE) - 21.0).abs() < 1e-9);
        assert!((contrast(grey, WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn text_on_any_colour_can_be_read_and_its_edge_be_seen_in_light_and_in_dark() {
        for color in every_colour() {
            assert!(contrast(color, text_on(color)) >= 4.5, "{color}");
            assert!(contrast(moved(color, BLACK, LIGHT_CARD), LIGHT_CARD) >= VISIBLE, "{color}");
            assert!(contrast(moved(color, WHITE, DARK_CARD), DARK_CARD) >= VISIBLE, "{color}");
        }
    }

    #[test]
    fn a_colour_that_can_be_seen_stays_as_it_is() {
        let blue: Color = "#0a5fd0".parse().unwrap();
        assert_eq!(moved(blue, BLACK, LIGHT_CARD), blue);
        assert_ne!(moved(BLACK, WHITE, DARK_CARD), BLACK);
    }

    #[test]
    fn the_cards_are_those_of_the_style() {
        for card in [LIGHT_CARD, DARK_CARD] {
            assert!(STYLE.contains(&format!("--card: {card};")), "{card}");
        }
    }
}
