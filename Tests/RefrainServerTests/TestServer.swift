import Foundation
import Logging
import RefrainData
import RefrainModels
import RefrainTestSupport
import Testing

@testable import RefrainServer

/// A server on a port of this machine.
///
/// - Parameters:
///   - models: Models by name.
///   - settings: How it runs; the port is any that is free.
///   - log: Takes the lines of its log.
///   - body: Asks it, on a thread of its own.
func serving(
  _ models: [String: LoadedModel.Model] = ["small": .sequential(smallModel())],
  with settings: ServerSettings = ServerSettings(), log: LogLines = LogLines(),
  _ body: @escaping @Sendable (_ port: Int) throws -> Void
) async throws {
  var settings = settings
  settings.port = 0
  let meters = Meters()
  let served = models.sorted { $0.key < $1.key }.map {
    ServedModel(name: $0.key, title: "test", fingerprint: "f-\($0.key)", $0.value, meters: meters)
  }
  let server = try RefrainServer(
    served, settings: settings, meters: meters, logger: .lines(.info) { log.add($0) })
  try await asking(server, body)
}

/// Settings that differ from the defaults.
func settings(_ change: (inout ServerSettings) -> Void) -> ServerSettings {
  var settings = ServerSettings()
  change(&settings)
  return settings
}

/// Runs a server for as long as somebody asks it.
func asking(_ server: RefrainServer, _ body: @escaping @Sendable (_ port: Int) throws -> Void) async throws {
  let (ports, found) = AsyncStream<Int>.makeStream()
  let running = Task { try await server.run { found.yield($0) } }
  var iterator = ports.makeAsyncIterator()
  let port = try #require(await iterator.next())
  let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Void, any Error>, Never>) in
    Thread.detachNewThread { continuation.resume(returning: Result { try body(port) }) }
  }
  running.cancel()
  _ = try? await running.value
  try result.get()
}

/// The name of a new session on a server's port.
func beginSession(_ port: Int, _ model: String) throws -> String {
  let client = try SocketClient(port)
  let body = "{\"model\":\"\(model)\"}"
  try client.send("POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  return try #require(JSONValue(Array(client.reply().text.utf8))["id"].string)
}
