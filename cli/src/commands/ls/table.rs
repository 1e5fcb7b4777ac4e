//! Aligned table of containers for terminals.

use super::row::Row;

const HEAD: [&str; 8] = ["NODE", "ADDRESS", "HOST", "IMAGE", "UP", "STATE", "HEALTH", "PORTS"];

/// Coloured columns.
const STATE: usize = 5;
const HEALTH: usize = 6;

/// Rows of all hosts, each with its position in the noderange.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<(usize, [String; 8])>);

impl Table {
    pub(super) fn add(&mut self, place: usize, row: &Row<'_>) {
        self.0.push((place, row.cells()));
    }

    /// Lines of the table, header first. An empty table has no lines.
    pub(super) fn lines(mut self, colours: bool) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        // rows of one host are already in order
        self.0.sort_by_key(|(place, _)| *place);
        let rows: Vec<[String; 8]> = self.0.into_iter().map(|(_, row)| row).collect();
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.chain(HEAD.get(at).map(|head| head.len())).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        let head = HEAD.map(str::to_owned);
        let mut lines = vec![line(&head, &widths, false)];
        lines.extend(rows.iter().map(|row| line(row, &widths, colours)));
        lines
    }
}

fn line(cells: &[String; 8], widths: &[usize], colours: bool) -> String {
    let cell = |(at, (cell, width)): (usize, (&String, &usize))| {
        let padded = format!("{cell:<width$}");
        match colour(at, cell).filter(|_| colours) {
            Some(code) => format!("\u{1b}[{code}m{padded}\u{1b}[0m"),
            None => padded,
        }
    };
    let cells: Vec<String> = cells.iter().zip(widths).enumerate().map(cell).collect();
    cells.join("  ").trim_end().to_owned()
}

/// Green is good, red is bad, yellow is in transition. The text has the same information.
fn colour(at: usize, cell: &str) -> Option<&'static str> {
    match (at, cell) {
        (STATE, "running") | (HEALTH, "healthy") => Some("32"),
        (STATE, "restarting" | "dead") | (HEALTH, "unhealthy") => Some("31"),
        (STATE, ended) if ended.starts_with("exited (") && ended != "exited (0)" => Some("31"),
        (STATE, "paused") | (HEALTH, "starting") => Some("33"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |cells: [&str; 8]| cells.map(str::to_owned);
        Table(vec![
            (1, row(["host1c10", "10.99.1.10", "host1", "debian:12", "-", "exited (3)", "-", "-"])),
            (
                0,
                row([
                    "d1",
                    "10.99.1.1,fd00::1",
                    "host1",
                    "bb",
                    "2 hours",
                    "running",
                    "healthy",
                    "8080->80/tcp",
                ]),
            ),
        ])
    }

    #[test]
    fn cells_stand_below_each_other() {
        assert_eq!(
            table().lines(false),
            [
                "NODE      ADDRESS            HOST   IMAGE      UP       STATE       HEALTH   PORTS",
                "d1        10.99.1.1,fd00::1  host1  bb         2 hours  running     healthy  8080->80/tcp",
                "host1c10  10.99.1.10         host1  debian:12  -        exited (3)  -        -",
            ]
        );
        assert_eq!(Table::default().lines(false), [""; 0]);
    }

    #[test]
    fn colours_change_no_width() {
        let lines = table().lines(true);
        assert_eq!(
            lines[2],
            "host1c10  10.99.1.10         host1  debian:12  -        \u{1b}[31mexited (3)\u{1b}[0m  -        -"
        );
    }
}
