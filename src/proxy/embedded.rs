//! The web application as it was when this binary was built, plain and compressed; `build.rs` makes the table.

/// One file of it.
#[derive(Debug)]
pub struct Embedded {
    /// Below the root, with `/`.
    pub path: &'static str,
    /// Changes with the content.
    pub tag: &'static str,
    pub plain: &'static [u8],
    pub brotli: Option<&'static [u8]>,
    pub gzip: Option<&'static [u8]>,
}

/// In the order of their paths. Empty in a binary that was built without the application.
pub static FILES: &[Embedded] = &include!(concat!(env!("OUT_DIR"), "/web.rs"));

impl Embedded {
    /// The first of these encodings that it has, else as it is.
    pub fn encoded(&self, encodings: &[(&'static str, &'static str)]) -> (&'static [u8], Option<&'static str>) {
        let in_one = |(name, _): &(&'static str, &'static str)| {
            let bytes = if *name == "br" { self.brotli } else { self.gzip };
            bytes.map(|bytes| (bytes, Some(*name)))
        };
        encodings.iter().find_map(in_one).unwrap_or((self.plain, None))
    }
}

pub fn find<'t>(table: &'t [Embedded], path: &str) -> Option<&'t Embedded> {
    let at = table.binary_search_by(|file| file.path.cmp(path)).ok()?;
    table.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_the_form_that_is_read() {
        let table = [
            Embedded { path: "a.js", tag: "1", plain: b"plain", brotli: Some(b"br"), gzip: Some(b"gz") },
            Embedded { path: "index.html", tag: "2", plain: b"page", brotli: None, gzip: None },
        ];
        let (br, gzip) = (("br", ".br"), ("gzip", ".gz"));
        let script = find(&table, "a.js").unwrap();
        assert_eq!(script.encoded(&[br, gzip]), (&b"br"[..], Some("br")));
        assert_eq!(script.encoded(&[gzip]), (&b"gz"[..], Some("gzip")));
        assert_eq!(script.encoded(&[]), (&b"plain"[..], None));
        assert_eq!(find(&table, "index.html").unwrap().encoded(&[br, gzip]), (&b"page"[..], None));
        assert!(find(&table, "a").is_none());
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(FILES.is_sorted_by(|one, next| one.path < next.path));
    }
}
