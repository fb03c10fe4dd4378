import HTTPTypes
import RefrainData

/// One thing that can be asked of the server. Its description is what `/openapi.json` says of it.
struct Route: Sendable {
  /// Text in the path or in the query.
  struct Parameter: Sendable {
    let name: String
    let summary: String
    /// The type in JSON's words: `string`, `boolean`, `integer`.
    var type = "string"
  }

  /// What a body or an answer holds.
  struct Content: Sendable {
    let type: String
    /// The name of a schema in ``Schemas``; nil for bytes and text.
    var schema: String?
  }

  /// How a body is read.
  enum Reading: Sendable {
    /// There is none.
    case nothing
    /// All of it, before the route runs.
    case whole
    /// Piece by piece, by the route.
    case pieces
  }

  let method: String
  /// The path, such as `/sessions/{id}`.
  let path: String
  /// What it is called, in one word.
  let name: String
  let summary: String
  let tag: String
  var query: [Parameter] = []
  /// Fields of the head that mean something.
  var headers: [Parameter] = []
  var reading = Reading.nothing
  var takes: [Content] = []
  var gives: [Content] = []
  /// The status of success.
  var status = 200
  /// What may go wrong besides what may always.
  var failures: [Int] = []
  /// Whether it asks for no token, and is answered also when too much is going on.
  var isOpen = false
  /// Whether it is answered also when too much is going on, to whom brings a token.
  var isUrgent = false
  /// Whether it is answered soon and all at once, so that no stream is set up for it.
  var isBrief = false
  /// Whether the connection goes on as a WebSocket, to which a token may come among the subprotocols.
  var isSocket = false
  let run: @Sendable (_ call: Call, _ names: [String: String], _ body: [UInt8]) async throws -> Answer

  /// The parts of the path; a name in braces stands for any text.
  var parts: [Substring] { path.split(separator: "/") }

  /// The names in braces.
  var names: [String] {
    parts.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
  }
}

/// All routes, and which of them a request means.
struct RouteTable: Sendable {
  let routes: [Route]
  /// The parts of the routes' paths, and which routes have so many.
  private let parts: [[Part]]
  private let places: [Int: [Int]]

  private enum Part {
    case text([UInt8])
    case name(String)
  }

  init(_ routes: [Route]) {
    self.routes = routes
    parts = routes.map { route in
      route.parts.map { $0.hasPrefix("{") ? .name(String($0.dropFirst().dropLast())) : .text(Array($0.utf8)) }
    }
    places = Dictionary(grouping: routes.indices) { [parts] place in parts[place].count }
  }

  /// The longest path that is looked at.
  private static let longestPath = 2048

  /// The route of a request, and what its path has in place of the names.
  ///
  /// - Throws: 404, or 405 with the methods there are.
  func route(_ method: String, _ path: String) throws(Failure) -> (route: Route, names: [String: String]) {
    guard path.utf8.count <= Self.longestPath, path.hasPrefix("/") else {
      throw Failure(404, "there is nothing at this path; /openapi.json lists what there is")
    }
    let given = Self.parts(of: path)
    var others: [String] = []
    for place in places[given.count] ?? [] {
      guard let names = Self.names(of: given, along: parts[place]) else { continue }
      let route = routes[place]
      if route.method == method || (method == "HEAD" && route.method == "GET") { return (route, names) }
      others.append(route.method)
    }
    guard !others.isEmpty else {
      throw Failure(404, "there is nothing at \(path.quoted); /openapi.json lists what there is")
    }
    throw Failure(405, "\(method.quoted) cannot be asked here, only \(others.joined(separator: ", "))")
  }

  /// The methods that a path knows.
  func methods(of path: String) -> [String] {
    let given = Self.parts(of: path)
    return (places[given.count] ?? []).filter { Self.names(of: given, along: parts[$0]) != nil }
      .map { routes[$0].method }
  }

  private static func parts(of path: String) -> [ArraySlice<UInt8>] {
    Array(path.utf8).split(separator: UInt8(ascii: "/"))
  }

  private static func names(of given: [ArraySlice<UInt8>], along parts: [Part]) -> [String: String]? {
    for (bytes, part) in zip(given, parts) {
      if case .text(let own) = part, !bytes.elementsEqual(own) { return nil }
    }
    var names: [String: String] = [:]
    for (bytes, part) in zip(given, parts) {
      guard case .name(let name) = part else { continue }
      guard let text = String(decoding: bytes, as: UTF8.self).removingPercentEscapes else { return nil }
      names[name] = text
    }
    return names
  }
}

extension String {
  /// The text with `%2F` and the like resolved; nil where that is no UTF-8 text.
  var removingPercentEscapes: String? {
    guard utf8.contains(UInt8(ascii: "%")) else { return self }
    var bytes: [UInt8] = []
    var rest = Array(utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      // A sign is none of them, though a number may have one.
      guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// The names and values of a query such as `a=1&b=2`.
  ///
  /// - Throws: 400 for escapes that are none, and for a name that is there twice.
  static func query(_ text: Substring) throws(Failure) -> [String: String] {
    var result: [String: String] = [:]
    for part in text.split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let texts = pair.map { String($0).replacing("+", with: " ").removingPercentEscapes }
      guard let name = texts[0], let value = texts.count > 1 ? texts[1] : "" else {
        throw Failure(400, "the query \(String(part).quoted) has escapes that are none")
      }
      guard result.updateValue(value, forKey: name) == nil else {
        throw Failure(400, "the query has \(name.quoted) twice; several values stand between commas")
      }
    }
    return result
  }
}
