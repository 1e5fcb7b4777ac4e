//! Output and format of each message.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;

#[derive(Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn printed(format: Format, volume: Volume) -> (String, String) {
    let (out, err) = (Sink::default(), Sink::default());
    let mut printer = Printer::over(Box::new(out.clone()), Box::new(err.clone()), format, volume);
    printer.node("d1", "success", &Map::new());
    printer.node_error("d2", "no", None);
    printer.node_error("d2", "no:\n  why", None);
    printer.error("all wrong");
    printer.hint("do that");
    printer.step("d3", "on the way");
    let text = |sink: Sink| String::from_utf8(sink.0.take()).unwrap();
    (text(out), text(err))
}

#[test]
fn data_goes_to_standard_output_and_messages_to_standard_error() {
    let (out, err) = printed(Format::Text, Volume::Normal);
    assert_eq!(out, "d1: success\nd3: on the way\n");
    assert_eq!(err, "d2: Error: no\nd2: Error: no:\nd2:   why\nError: all wrong\nhint: do that\n");
    let (out, err) = printed(Format::Text, Volume::Quiet);
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("", "d2: Error: no\nd2: Error: no:\nd2:   why\nError: all wrong\n")
    );
}

#[test]
fn json_is_one_object_a_line_on_standard_output() {
    let (out, err) = printed(Format::Json, Volume::Normal);
    assert_eq!(
        out,
        "{\"node\":\"d1\",\"status\":\"success\"}\n{\"error\":\"no\",\"node\":\"d2\"}\n{\"error\":\"no:\\n  why\",\"node\":\"d2\"}\n{\"error\":\"all wrong\"}\n{\"node\":\"d3\",\"step\":\"on the way\"}\n"
    );
    assert_eq!(err, "");
}

#[test]
fn a_closed_standard_output_is_noticed_and_no_error() {
    let mut printer = Printer::over(Box::new(Gone), Box::new(Sink::default()), Format::Text, Volume::Normal);
    printer.line("x");
    printer.line("y");
    assert!(printer.is_unread());
}
