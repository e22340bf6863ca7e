//! The badge of a task: whether it runs, to be shown on a page.
//!
//! Pure.

/// 127 x 20: what it is about on grey, whether it runs on green or red.
pub fn svg(is_running: bool) -> String {
    let (word, colour) = if is_running { ("Running", "#4c1") } else { ("Stopped", "#ba1607") };
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="127" height="20" role="img" aria-label="Director: {word}">
<title>Director: {word}</title>
<clipPath id="round"><rect width="127" height="20" rx="3"/></clipPath>
<g clip-path="url(#round)">
<rect width="72" height="20" fill="#555"/>
<rect x="72" width="55" height="20" fill="{colour}"/>
</g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="36" y="14">Director</text>
<text x="99.5" y="14">{word}</text>
</g>
</svg>
"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_whether_the_task_runs() {
        assert!(svg(true).contains(r##"aria-label="Director: Running""##) && svg(true).contains("#4c1"));
        assert!(svg(false).contains(r##"aria-label="Director: Stopped""##) && svg(false).contains("#ba1607"));
    }
}
