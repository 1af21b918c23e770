//! The program `scimd`.

fn main() {}
