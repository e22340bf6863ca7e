//! Aligned columns that read well without colour and never break a line of a narrow terminal.

use anstyle::Style;

use super::output::paint;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    style: Option<Style>,
}

impl Cell {
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style: Some(style) }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: None }
    }
}

/// Lines of the rows, columns two blanks apart; the last column is cut to what `width` leaves.
pub fn lines(head: &[&str], rows: &[Vec<Cell>], width: Option<usize>) -> Vec<String> {
    let columns = head.len();
    let mut widths = head.iter().map(|name| name.chars().count()).collect::<Vec<_>>();
    for row in rows {
        for (column, cell) in row.iter().enumerate().take(columns) {
            widths[column] = widths[column].max(cell.text.chars().count());
        }
    }
    let head_row = head.iter().map(|name| Cell::styled(*name, Style::new().bold())).collect::<Vec<_>>();
    let has_head = head.iter().any(|name| !name.is_empty());
    let all = has_head.then_some(&head_row).into_iter().chain(rows);
    all.map(|row| line(row, &widths, width)).collect()
}

/// Columns that the table takes up to the place where one more column would begin.
pub fn width(head: &[&str], rows: &[Vec<Cell>]) -> usize {
    let widest = |(column, name): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.chars().count());
        cells.max().unwrap_or(0).max(name.chars().count()) + 2
    };
    head.iter().enumerate().map(widest).sum()
}

fn line(row: &[Cell], widths: &[usize], width: Option<usize>) -> String {
    let mut text = String::new();
    let mut used = 0;
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
    for (column, cell) in row.iter().enumerate().take(last + 1) {
        let room = width.map_or(usize::MAX, |width| width.saturating_sub(used));
        let shown = cut(&clean(&cell.text), room);
        let length = shown.chars().count();
        match cell.style {
            Some(style) if !shown.is_empty() => text.push_str(&paint(style, &shown)),
            _ => text.push_str(&shown),
        }
        used += length;
        if column < last {
            let gap = (widths[column] + 2 - length.min(widths[column] + 2)).min(room.saturating_sub(length));
            text.extend(std::iter::repeat_n(' ', gap));
            used += gap;
        }
    }
    text
}

/// At most that many characters, the last one `…` when something is missing.
pub fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    match room {
        0 => String::new(),
        _ => text.chars().take(room - 1).chain(['…']).collect(),
    }
}

/// Without control characters: what a service says must not move the cursor.
pub fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_is_cut() {
        let rows = vec![vec!["a".into(), "long text here".into()], vec!["longer".into(), "x\u{1b}[2J".into()]];
        let lines = lines(&["", ""], &rows, Some(14));
        assert_eq!(lines, ["a       long …", "longer  x [2J"]);
    }
}
