import Foundation
import HTTPTypes
import Logging
import Refrain
import RefrainData
import RefrainModels
import RefrainTasks
import RefrainTestSupport
import Testing

@testable import RefrainServer

/// A service without a network: requests go in as values.
final class TestService: Sendable {
  let service: Service
  let log: LogLines

  init(_ models: [String: LoadedModel.Model], change: (inout ServerSettings) -> Void = { _ in }) throws {
    var settings = ServerSettings()
    change(&settings)
    let meters = Meters()
    let served = models.sorted { $0.key < $1.key }.map {
      ServedModel(name: $0.key, title: "test", fingerprint: "f-\($0.key)", $0.value, meters: meters)
    }
    let log = LogLines()
    self.log = log
    service = try Service(
      served, settings, meters: meters, logger: .lines(.info) { log.add($0) })
  }

  /// The service of a server that does not run.
  init(_ server: RefrainServer, log: LogLines) { (service, self.log) = (server.service, log) }

  /// The answer to a request.
  func ask(
    _ method: String, _ target: String, body: [UInt8] = [], type: String? = nil, accept: String? = nil,
    headers: [String: String] = [:]
  ) async throws -> Reply {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var call = Call(method: method, path: String(parts[0]))
    if parts.count > 1 { call.query = try String.query(parts[1]) }
    call.body = .bytes(body)
    call.headers[.contentType] = type
    call.headers[.accept] = accept
    for (name, value) in headers { call.headers[try #require(HTTPField.Name(name))] = value }
    let answer = await service.respond(call) { (limit) throws(Failure) in
      guard body.count <= limit else { throw Failure(413, "too long") }
      return body
    }
    var collected = Collector()
    switch answer.body {
    case .socket: break
    case .bytes(let bytes): collected.bytes = bytes
    case .stream(let write):
      var writer: any PieceWriter = collected
      try await write(&writer)
      collected = try #require(writer as? Collector)
    }
    return Reply(status: answer.status, headers: answer.headers, bytes: collected.bytes, pieces: collected.pieces)
  }

  /// The answer to a request of JSON.
  func ask(_ method: String, _ target: String, json: String, headers: [String: String] = [:]) async throws -> Reply {
    try await ask(method, target, body: Array(json.utf8), type: MediaType.json, headers: headers)
  }

  /// The name of a new session.
  func session(_ model: String) async throws -> String {
    let reply = try await ask("POST", "/sessions", json: "{\"model\":\"\(model)\"}")
    try #require(reply.status == 201, "\(reply.text)")
    return try #require(try reply.json["id"].string)
  }

  /// The outputs of some steps, by their bits.
  func push(_ session: String, _ steps: [Float]) async throws -> [UInt8] {
    let reply = try await ask(
      "POST", "/sessions/\(session)/steps", body: bytes(of: steps), type: MediaType.bytes)
    try #require(reply.status == 200, "\(reply.text)")
    return reply.bytes
  }
}

/// What a server answered.
struct Reply {
  let status: Int
  let headers: HTTPFields
  let bytes: [UInt8]
  /// How many pieces it came in.
  let pieces: Int

  var text: String { String(decoding: bytes, as: UTF8.self) }
  var json: JSONValue { get throws { try JSONValue(bytes) } }
  /// What went wrong.
  var problem: String { (try? json["error"].string) ?? "" }
}

private struct Collector: PieceWriter {
  var bytes: [UInt8] = []
  var pieces = 0

  mutating func write(_ bytes: [UInt8]) async throws {
    self.bytes += bytes
    pieces += 1
  }
}

/// The lines of a log.
final class LogLines: Sendable {
  private let lines = NSLocking()

  private final class NSLocking: @unchecked Sendable {
    let lock = NSLock()
    var lines: [String] = []
  }

  func add(_ line: String) { lines.lock.withLock { lines.lines.append(line) } }
  var all: [String] { lines.lock.withLock { lines.lines } }
}

func bytes(of floats: [Float]) -> [UInt8] {
  floats.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
}

func floats(of bytes: [UInt8]) -> [Float] {
  stride(from: 0, to: bytes.count, by: 4).map { place in
    let bits = bytes[place..<place + 4].reversed().reduce(UInt32(0)) { bits, byte in bits << 8 | UInt32(byte) }
    return Float(bitPattern: bits)
  }
}

/// The numbers in an array of JSON.
func floats(_ json: JSONValue?) -> [Float] { (json?.array ?? []).map { Float($0.number ?? .nan) } }

/// What a stream in the library gives for steps of a model of three numbers, the small one unless another is named.
func pushed(_ values: [Float], _ model: Sequential = smallModel()) throws -> [Float] {
  var streams = try Streams(model)
  var outputs: [Float] = []
  for start in stride(from: 0, to: values.count, by: 3) { outputs += streams.push(Array(values[start..<start + 3])) }
  return outputs
}

/// Steps of which no two are the same.
func wave(_ size: Int, steps: Int, seed: Int = 0) -> [Float] {
  (0..<size * steps).map { Float(sin(Double($0 * 7 + seed * 131) * 0.37)) }
}

/// Three numbers in, two out, every step of a layer in between.
func smallModel(_ seed: UInt64 = 1) -> Sequential {
  Sequential(inputSize: 3, seed: seed) {
    LSTM(8, returning: .everyStep)
    GRU(5, returning: .everyStep)
    Dense(2)
  }
}

/// The same, saying only what comes of the last step.
func lastStepModel() -> Sequential {
  Sequential(inputSize: 3, seed: 2) {
    LSTM(6)
    Dense(2)
  }
}

/// Tokens in.
func tokenModel() -> Sequential {
  Sequential(exampleShape: [nil], seed: 3) {
    Embedding(11, 4)
    GRU(6, returning: .everyStep)
    Dense(11)
  }
}

/// What is trained once for all tests of a suite, in no time.
///
/// - Parameter train: Given a folder for what it reads, which is gone afterwards.
func trainedOnce<Models>(_ train: (_ folder: String) throws -> Models) -> Models {
  do {
    let folder = temporaryPath()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try train(folder)
  } catch { fatalError("\(error)") }
}

/// Options of networks that are trained in no time.
func tinyOptions(hidden: Int = 8, epochs: Int = 2, layers: Int = 1) -> SharedOptions {
  var options = SharedOptions()
  (options.hidden, options.epochs, options.layers) = (hidden, epochs, layers)
  return options
}

/// A language model of characters, trained once.
let tinyLanguage: LanguageModel = trainedOnce { _ in
  var language = LanguageModel.Configuration()
  try language.choose(tinyOptions())
  language.corpus.unit = .characters
  let text = Array(String(repeating: "the cat sat on the mat\nthe dog ran to the door\n", count: 30).utf8)
  return try LanguageModel.train(
    on: LanguageModel.examples(from: DataSource([.bytes(text, name: "a.txt")]), language), language,
    TrainingContext())
}
