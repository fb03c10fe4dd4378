import RefrainFoundation

/// Where examples come from: files, standard input, bytes or arrays at hand, in their order.
public struct DataSource: Sendable {
  /// One of them.
  public enum Part: Sendable {
    /// A file, or a folder of files.
    case file(String)
    /// What is piped in: `-` on the command line.
    case standardInput
    /// The contents of a file, under a name for messages.
    case bytes([UInt8], name: String)
    /// Numbers, under a name.
    case array(NumericArray, name: String)
  }

  /// What there is; none where nothing was named.
  public var parts: [Part]

  /// A source of these parts.
  public init(_ parts: [Part]) { self.parts = parts }

  /// Files by their paths; `-` is standard input.
  public init(paths: [String]) { parts = paths.map { $0 == "-" ? .standardInput : .file($0) } }

  /// Whether nothing was named.
  public var isEmpty: Bool { parts.isEmpty }
}

extension DataSource.Part {
  /// What messages call it: the path of a file.
  public var name: String {
    switch self {
    case .file(let path): path
    case .standardInput: "standard input"
    case .bytes(_, let name), .array(_, let name): name
    }
  }

  /// Whether it can be read several times: bytes, and what is a file and no pipe.
  package var isLasting: Bool {
    switch self {
    case .file(let path):
      // Not opened, which a pipe would notice.
      var status = stat()
      return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    case .standardInput: return false
    case .bytes, .array: return true
    }
  }

  /// All bytes of a file, of standard input, or at hand.
  ///
  /// - Throws: `missingFile`, `isDirectory`, `unreadableFile`; `wrongInput` for an array, which is no file.
  public func contents() throws(DataError) -> [UInt8] {
    switch self {
    case .file(let path): return try readFile(path)
    case .standardInput:
      // Not by its name in /dev, which a socket cannot be opened by.
      return try OpenFile.readAll(STDIN_FILENO, of: name)
    case .bytes(let bytes, _): return bytes
    case .array(_, let name):
      throw DataError(.wrongInput, "\(name.quoted) is an array, and a file is expected", remedy: "name a file")
    }
  }

  /// A table of CSV.
  ///
  /// - Throws: What ``contents()`` and ``Table/init(bytes:file:format:)`` throw.
  public func table(format: Table.Format = Table.Format()) throws(DataError) -> Table {
    try Table(bytes: contents(), file: name, format: format)
  }
}
