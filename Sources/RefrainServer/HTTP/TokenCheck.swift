import HTTPTypes
import RefrainData

/// Whether a request brings a token that is known.
struct TokenCheck: Sendable {
  private let tokens: [[UInt8]]

  private let owners: [[UInt8]: String]

  init(_ tokens: [String]) {
    self.tokens = tokens.map { Array($0.utf8) }
    owners = Dictionary(self.tokens.map { ($0, Self.owner($0)) }) { first, _ in first }
  }

  /// What stands for a token in states on disk.
  private static func owner(_ token: [UInt8]) -> String {
    WebSocketHandshake.sha1(Array("owner of sessions: ".utf8) + token).prefix(8)
      .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Whose token a request brings, in a few digits from which the token does not follow; nil where none is asked for.
  ///
  /// - Parameter isSocket: Whether a WebSocket is asked for, which may bring the token among its subprotocols.
  /// - Throws: 401 without a known token, where there are any.
  func check(_ call: Call, isSocket: Bool = false) throws(Failure) -> String? {
    guard !tokens.isEmpty else { return nil }
    let text = call.header(.authorization) ?? ""
    let given: [UInt8]
    if text.lowercased().hasPrefix("bearer ") {
      given = Array(text.dropFirst(7).utf8)
    } else if isSocket, let token = WebSocketHandshake.token(of: call) {
      given = token
    } else {
      throw Failure(401, "this server asks for a token: Authorization: Bearer TOKEN", closes: true)
    }
    // All of them are compared, and each whole, so that the time taken tells nothing.
    var isKnown = false
    for token in tokens { isKnown = Self.areSame(token, given) || isKnown }
    guard isKnown else { throw Failure(401, "the token is not known", closes: true) }
    return owners[given]
  }

  private static func areSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    var difference = UInt8(one.count == other.count ? 0 : 1)
    for index in one.indices { difference |= one[index] ^ (index < other.count ? other[index] : 0) }
    return difference == 0
  }

  /// The tokens of a file: one on each line; lines that begin with `#` are comments.
  ///
  /// - Throws: What reading throws; `emptyFile` where there is none, which would ask for none.
  static func tokens(in path: String) throws(DataError) -> [String] {
    let text = String(decoding: try readFile(path), as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).map { line in
      String(line.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
    let tokens = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
    guard !tokens.isEmpty else {
      throw DataError(.emptyFile, file: path, "there is no token in the file", remedy: "write one on each line")
    }
    return tokens
  }
}

/// Which pages may ask. A browser tells with each request which page it is for.
struct OriginCheck: Sendable {
  private let origins: Set<String>
  private let isLocal: Bool
  private static let host = HTTPField.Name("Host")!

  init(_ settings: ServerSettings) { (origins, isLocal) = (Set(settings.origins), settings.isLocal) }

  /// What a browser is told may ask; nil where nobody else may.
  func allowed(_ call: Call) -> String? {
    guard let origin = call.header(.origin) else { return nil }
    return origins.contains("*") ? "*" : origins.contains(origin) ? origin : nil
  }

  /// - Throws: 403 for a page of another origin; 421 for a name that this machine does not have, behind which a page
  ///   from elsewhere may hide.
  func check(_ call: Call) throws(Failure) {
    let host = call.header(Self.host) ?? call.authority
    if isLocal, let host, !ServerSettings.isLocal(Self.name(of: host)) {
      throw Failure(421, "the server answers as localhost, not as \(host.quoted)", closes: true)
    }
    guard let origin = call.header(.origin), allowed(call) == nil else { return }
    let own = host.map { ["http://" + $0, "https://" + $0] } ?? []
    guard own.contains(origin) else {
      throw Failure(403, "pages of \(origin.quoted) may not ask; the server can be told with --cors", closes: true)
    }
  }

  /// The name before the port.
  private static func name(of host: String) -> String {
    if host.hasPrefix("[") { return String(host.prefix { $0 != "]" }) + "]" }
    return String(host.prefix { $0 != ":" })
  }
}
