//! Whether and where to tell of traces, and of which part of them.

use clap::Args;

use crate::{
    client::ServiceUrl,
    settings::{Problems, given},
};

/// Settings of the traces, the same for every process.
#[derive(Debug, Clone, Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
pub struct TraceSettings {
    /// Where to send traces to: an OpenTelemetry collector, http://host:4317 (OTLP over gRPC) [default: no traces]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", global = true)]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// The part of all traces that is told, from 0.0 to 1.0
    #[arg(
        long,
        env = "OTEL_TRACES_SAMPLER_ARG",
        value_name = "RATIO",
        default_value = "1.0",
        global = true
    )]
    pub otel_traces_sampler_arg: String,
}

/// Checked settings of the traces.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// The collector; `None`: no traces.
    pub(super) endpoint: Option<ServiceUrl>,
    /// The part that is told.
    pub(super) ratio: f64,
}

impl TraceSettings {
    /// Checks them.
    ///
    /// # Errors
    /// An address that is not of the form above, a ratio that is none.
    pub fn check(&self) -> Result<Traces, Problems> {
        let mut problems = Problems::new();
        let endpoint = given(self.otel_exporter_otlp_endpoint.as_deref()).map(one_place);
        let endpoint = problems.check("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.transpose());
        let ratio = given(Some(&self.otel_traces_sampler_arg)).unwrap_or("1.0");
        let ratio = ratio.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        let ratio = problems.check(
            "OTEL_TRACES_SAMPLER_ARG",
            ratio.ok_or("must be a number from 0.0 to 1.0"),
        );
        let traces = endpoint.zip(ratio);
        problems.into_result(traces.map(|(endpoint, ratio)| Traces { endpoint, ratio }))
    }
}

/// As the address of a service, but for a single one.
fn one_place(url: &str) -> Result<ServiceUrl, &'static str> {
    let url = url.parse().ok();
    url.filter(|url: &ServiceUrl| url.places().len() == 1)
        .ok_or("must be http://host:port (OTLP over gRPC, usually port 4317)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(endpoint: &str, ratio: &str) -> Result<Traces, String> {
        let settings = TraceSettings {
            otel_exporter_otlp_endpoint: Some(endpoint.to_owned()),
            otel_traces_sampler_arg: ratio.to_owned(),
        };
        settings.check().map_err(|problems| problems.to_string())
    }

    #[test]
    fn empty_means_off_and_all() {
        let traces = checked("", "").unwrap();
        assert_eq!((traces.endpoint, traces.ratio), (None, 1.0));
        let traces = checked(" http://collector:4317 ", "0.25").unwrap();
        assert_eq!(traces.endpoint, Some(ServiceUrl::new("collector", 4317)));
        assert!((traces.ratio - 0.25).abs() < f64::EPSILON);
    }

    #[test]
    fn what_can_t_be_used_is_named() {
        for bad in [
            "collector:4317",
            "https://collector:4317",
            "http://collector",
            "http://collector:4317/v1/traces",
            "http://one:4317,http://other:4317",
            "grpc://collector:4317",
            "http://user:secret@collector:4317",
        ] {
            let told = checked(bad, "1").unwrap_err();
            assert!(
                told.contains("\n  OTEL_EXPORTER_OTLP_ENDPOINT: "),
                "{bad}: {told}"
            );
            assert!(!told.contains("secret"), "{told}");
        }
        for bad in ["2", "-0.1", "NaN", "inf", "half"] {
            let told = checked("", bad).unwrap_err();
            assert!(told.contains("\n  OTEL_TRACES_SAMPLER_ARG: "), "{bad}: {told}");
        }
    }
}
