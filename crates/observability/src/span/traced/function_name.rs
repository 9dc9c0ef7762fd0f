//! The full name of a function, with the type whose method it is.
//!
//! Position: found out once for each call site, for `code.function.name`.
//!
//! A macro sees neither the type of an `impl` nor the functions around it. The compiler names them in
//! the path of a type that is declared inside of the function; its form is not fixed, and what is not
//! known here stays as it is.

/// The name of the function in which a type with the path `inside` is declared.
pub(super) fn function_name(inside: &str) -> String {
    let path = inside.rsplit_once("::").map_or(inside, |(path, _)| path);
    let path = path.replace("::{{closure}}", "");
    let of_method = method_name(&path);
    without_generics(&of_method.unwrap_or(path))
}

/// The name of a method, from `<Type as Trait>::method`, `module::<impl Type>::method` or
/// `module::<impl Trait for Type>::method`.
fn method_name(path: &str) -> Option<String> {
    let (inner, is_impl) = match path.strip_prefix('<') {
        Some(inner) => (inner, false),
        None => (path.split_once("::<impl ")?.1, true),
    };
    let (inner, method) = split(inner, ">::")?;
    let owner = if is_impl {
        split(inner, " for ").map_or(inner, |(_, owner)| owner)
    } else {
        split(inner, " as ").map_or(inner, |(owner, _)| owner)
    };
    Some(format!("{owner}::{method}"))
}

/// What stands before and after `separator`, which is looked for outside of all brackets.
fn split<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut outside = outside_of_brackets(text);
    outside.find_map(|(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        Some((before, rest.strip_prefix(separator)?))
    })
}

fn without_generics(text: &str) -> String {
    outside_of_brackets(text)
        .map(|(_, letter)| letter)
        .collect()
}

/// The characters outside of angle brackets and where they stand; a bracket that closes none is one.
fn outside_of_brackets(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut before) = (0_usize, ' ');
    text.char_indices().filter(move |(_, letter)| {
        let is_arrow = *letter == '>' && before == '-';
        before = *letter;
        depth += usize::from(*letter == '<');
        let is_outside = depth == 0;
        if *letter == '>' && !is_arrow {
            depth = depth.saturating_sub(1);
        }
        is_outside
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_its_path_and_a_method_its_type() {
        let rows = [
            ("app::recall::Here", "app::recall"),
            ("app::recall::{{closure}}::Here", "app::recall"),
            ("app::outer::{{closure}}::inner::Here", "app::outer::inner"),
            ("app::Memory::new::Here", "app::Memory::new"),
            ("app::Memory<_>::new::Here", "app::Memory::new"),
            ("app::Store::learn::Here", "app::Store::learn"),
            (
                "<app::Memory as app::Store<u8>>::learn::Here",
                "app::Memory::learn",
            ),
            (
                "app::<impl app::m::Memory<_>>::new::Here",
                "app::m::Memory::new",
            ),
            (
                "app::<impl app::Store<u8> for alloc::vec::Vec<app::A>>::learn::{{closure}}::Here",
                "alloc::vec::Vec::learn",
            ),
            (
                "app::<impl app::Store for &[u8]>::learn::Here",
                "&[u8]::learn",
            ),
            (
                "app::<impl app::Store for dyn core::ops::function::Fn() -> u8>::learn::Here",
                "dyn core::ops::function::Fn() -> u8::learn",
            ),
            ("Here", "Here"),
            ("", ""),
            ("<>->é<", "->é"),
        ];
        for (inside, name) in rows {
            assert_eq!(function_name(inside), name, "{inside}");
        }
    }
}
