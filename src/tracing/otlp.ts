/**
 * OpenTelemetry's serializers. The build makes a separate bundle of them for browsers: in a bundle for Deno, packages that they depend on
 * would load modules of Node that tracing does not use.
 */

export { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
