/**
 * OpenTelemetry's serializers. The build makes a bundle of its own of them, for browsers: in one for Deno, packages that they depend on
 * would load modules of Node, and with those each turn of the event loop costs more.
 */

export { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
