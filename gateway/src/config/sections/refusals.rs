//! In which shape refusals go out: the same two keys on routes and listeners.

use crate::config::table::Table;
use crate::refusal::shape::{Infcode, Shape, Unknown};

const SHAPES: &str = "\"problem\", \"fsi\" or \"code_message_data\"";
const INFCODES: &str = "\"number\" or \"string\"";
const UNKNOWNS: &str = "\"answer\" or \"cut\"";

/// Reads `refusals` and `infcode`. A value that could not be read gets the default.
pub(super) fn shape(table: &mut Table<'_>) -> Shape {
    let shape = table.string("refusals", read_shape, SHAPES);
    let infcode = table.string("infcode", read_infcode, INFCODES);
    match (shape, infcode) {
        (Some(Shape::Fsi(_)), Some(infcode)) => Shape::Fsi(infcode),
        (shape, infcode) => {
            let is_misread = shape.is_none() && table.has("refusals");
            if infcode.is_some() && !is_misread {
                let name = table.name();
                table.problem(&format!("{name}.infcode: only refusals = \"fsi\" has an infcode"));
            }
            shape.unwrap_or_default()
        }
    }
}

/// Reads `unknown`.
pub(super) fn unknown(table: &mut Table<'_>) -> Unknown {
    table.string("unknown", read_unknown, UNKNOWNS).unwrap_or_default()
}

fn read_shape(text: &str) -> Option<Shape> {
    match text {
        "problem" => Some(Shape::Problem),
        "fsi" => Some(Shape::Fsi(Infcode::default())),
        "code_message_data" => Some(Shape::CodeMessageData),
        _ => None,
    }
}

fn read_infcode(text: &str) -> Option<Infcode> {
    match text {
        "number" => Some(Infcode::Number),
        "string" => Some(Infcode::Text),
        _ => None,
    }
}

fn read_unknown(text: &str) -> Option<Unknown> {
    match text {
        "answer" => Some(Unknown::Answer),
        "cut" => Some(Unknown::Cut),
        _ => None,
    }
}
