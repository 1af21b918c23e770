//! Standard error as the output of log lines. A system call per line costs as much as formatting it, and a reader of a
//! pipe is woken by each. So threads that serve requests collect lines, and write them together before they wait.

use std::cell::RefCell;
use std::io::{self, Write};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Collected bytes from which on they are written without waiting.
const FULL: usize = 8 << 10;

thread_local! {
    /// The lines of this thread; `None` if the thread does not announce that it waits.
    static COLLECTED: RefCell<Option<CollectedLines>> = const { RefCell::new(None) };
}

/// Writes the lines that this thread has collected, and lets it collect further ones. Threads that call it before they
/// wait do not delay their lines; lines of other threads are written at once.
pub(crate) fn write_before_waiting() {
    COLLECTED.with_borrow_mut(|lines| {
        lines.get_or_insert_default().write_to(&mut io::stderr());
    });
}

/// Lines that are not written yet.
#[derive(Debug, Default)]
struct CollectedLines(Vec<u8>);

impl CollectedLines {
    /// Adds a line, and writes all if it is urgent or they are many.
    fn add(&mut self, line: &[u8], is_urgent: bool, output: &mut impl Write) {
        self.0.extend_from_slice(line);
        if is_urgent || self.0.len() >= FULL {
            self.write_to(output);
        }
    }

    fn write_to(&mut self, output: &mut impl Write) {
        if !self.0.is_empty() {
            // There is no other place for the lines.
            let _ = output.write_all(&self.0);
            self.0.clear();
        }
    }
}

impl Drop for CollectedLines {
    fn drop(&mut self) {
        self.write_to(&mut io::stderr());
    }
}

/// Creates the writer of each line.
#[derive(Debug)]
pub(super) struct LogOutput;

/// Writes one line.
#[derive(Debug)]
pub(super) struct LogLine {
    /// Whether the line is a warning or an error: nothing before it may be lost when the process ends.
    is_urgent: bool,
}

impl MakeWriter<'_> for LogOutput {
    type Writer = LogLine;

    fn make_writer(&self) -> LogLine {
        LogLine { is_urgent: true }
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> LogLine {
        LogLine {
            is_urgent: *metadata.level() <= Level::WARN,
        }
    }
}

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let is_collected = COLLECTED.try_with(|lines| match lines.borrow_mut().as_mut() {
            Some(lines) => {
                lines.add(line, self.is_urgent, &mut io::stderr());
                true
            }
            None => false,
        });
        // Without the storage of the thread, which is ending, the line is written at once too.
        if !is_collected.unwrap_or(false) {
            io::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_together_in_order() {
        let (mut lines, mut output) = (CollectedLines::default(), Vec::new());
        lines.add(b"one\n", false, &mut output);
        lines.add(b"two\n", false, &mut output);
        assert_eq!(output, b"");
        lines.write_to(&mut output);
        assert_eq!(output, b"one\ntwo\n");
        lines.write_to(&mut output);
        assert_eq!(output, b"one\ntwo\n");
    }

    #[test]
    fn a_warning_and_many_lines_are_written_at_once() {
        let (mut lines, mut output) = (CollectedLines::default(), Vec::new());
        lines.add(b"request\n", false, &mut output);
        lines.add(b"warning\n", true, &mut output);
        assert_eq!(output, b"request\nwarning\n");

        output.clear();
        let line = [b'x'; FULL / 4];
        for _ in 0..3 {
            lines.add(&line, false, &mut output);
            assert_eq!(output, b"");
        }
        lines.add(&line, false, &mut output);
        assert_eq!(output.len(), FULL);
    }

    #[test]
    fn a_thread_that_does_not_announce_its_waits_collects_nothing() {
        let collects = || COLLECTED.with_borrow(Option::is_some);
        std::thread::spawn(move || {
            assert_eq!(LogLine { is_urgent: false }.write(b"").ok(), Some(0));
            assert!(!collects());
            write_before_waiting();
            assert!(collects());
        })
        .join()
        .expect("the thread ends");
    }
}
