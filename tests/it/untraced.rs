//! A program without the export of traces reports an error if traces are enabled.

use crate::cli::Served;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_without_the_export_does_not_start_with_traces_enabled() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let start = |variables: &[(&str, &str)]| {
        let file = std::fs::File::create(&log).unwrap();
        Served::in_environment(folder.path(), None, variables, file.into())
    };
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    assert_eq!(start(&[endpoint]).ended(), Some(2));
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("built without the feature otlp"), "{said}");
    let mut served = start(&[endpoint, ("OTEL_SDK_DISABLED", "true")]);
    served.line("SCIM base URL: ");
}
