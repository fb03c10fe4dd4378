import Foundation
import RefrainData
import Synchronization

/// A long text as tokens, four bytes each: in memory, or where it is longer in a file without a name, which is gone
/// with the value or the process that made it.
final class TokenText: Sendable {
  /// How many tokens there are.
  let count: Int
  private let storage: Storage
  /// Why some of the file could not be read.
  private let failure = Mutex<DataError?>(nil)

  private enum Storage: Sendable {
    case memory([Int32])
    case file(TokenFile)
  }

  /// A text in memory.
  init(_ tokens: [Int32]) {
    count = tokens.count
    storage = .memory(tokens)
  }

  fileprivate init(_ file: TokenFile, count: Int) {
    self.count = count
    storage = .file(file)
  }

  /// Whether it is in a file.
  var isInFile: Bool { if case .file = storage { true } else { false } }

  /// The tokens of a part. Where the file cannot be read they are 0; ``check()`` tells.
  func tokens(in range: Range<Int>) -> ArraySlice<Int32> {
    switch storage {
    case .memory(let tokens): return tokens[range]
    case .file(let file):
      do throws(DataError) {
        return try file.read(range)[...]
      } catch {
        failure.withLock { $0 = $0 ?? error }
        return Array(repeating: 0, count: range.count)[...]
      }
    }
  }

  /// Calls `body` with all tokens from one on, a part at a time.
  func forEachPart(from first: Int = 0, _ body: (ArraySlice<Int32>) -> Void) {
    for start in stride(from: first, to: count, by: 1 << 16) { body(tokens(in: start..<min(start + 1 << 16, count))) }
  }

  /// Makes sure that all that was asked for could be read: to be called when the text has served.
  ///
  /// - Throws: That the file could not be read.
  func check() throws(TaskError) {
    if let error = failure.withLock({ $0 }) { throw TaskError(error) }
  }
}

/// Takes the tokens of a text one after another.
struct TokenTextWriter {
  /// How many tokens are held in memory.
  private let most: Int
  /// Those that are not in the file yet, and how many are.
  private var tokens: [Int32] = []
  private var written = 0
  private var file: TokenFile?

  /// - Parameter most: How many tokens are held in memory; those of longer texts go to a file.
  init(most: Int = 1 << 24) { self.most = most }

  /// Adds a token.
  ///
  /// - Throws: `unwritableFile` or `diskFull`.
  mutating func append(_ token: Int) throws(DataError) {
    tokens.append(Int32(token))
    if tokens.count >= (file == nil ? most : 1 << 16) { try flush() }
  }

  private mutating func flush() throws(DataError) {
    // Smaller parts follow the first.
    let isFirst = file == nil
    if isFirst { file = try .make() }
    try file?.write(tokens, at: written)
    written += tokens.count
    tokens.removeAll(keepingCapacity: !isFirst)
  }

  /// All of them.
  ///
  /// - Throws: `unwritableFile` or `diskFull`.
  mutating func finish() throws(DataError) -> TokenText {
    guard let file else { return TokenText(tokens) }
    try flush()
    return TokenText(file, count: written)
  }
}

/// Tokens in a file without a name.
private final class TokenFile: Sendable {
  private let descriptor: Int32
  private let folder: String

  private init(descriptor: Int32, folder: String) { (self.descriptor, self.folder) = (descriptor, folder) }

  /// A new one.
  ///
  /// - Throws: `unwritableFile`.
  static func make() throws(DataError) -> TokenFile {
    let folder = NSTemporaryDirectory()
    var generator = SystemRandomNumberGenerator()
    let path = folder + "/refrain-\(getpid())-\(generator.next()).tokens"
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw DataError(
        .unwritableFile, file: folder, "the tokens of a long text need a file here, which cannot be made",
        remedy: "name another folder in the environment's TMPDIR")
    }
    unlink(path)
    return TokenFile(descriptor: descriptor, folder: folder)
  }

  deinit { close(descriptor) }

  /// Writes tokens behind the first `place` ones.
  ///
  /// - Throws: `diskFull` or `unwritableFile`.
  func write(_ tokens: [Int32], at place: Int) throws(DataError) {
    let start = place * 4
    var failure: Int32?
    tokens.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let sent = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(start + done))
        if sent >= 0 {
          done += sent
        } else if errno != EINTR {
          failure = errno
          return
        }
      }
    }
    guard let failure else { return }
    let isFull = [ENOSPC, EDQUOT, EFBIG].contains(failure)
    throw DataError(
      isFull ? .diskFull : .unwritableFile, file: folder,
      isFull ? "no space left for the tokens of a long text" : "the tokens of a long text cannot be written here",
      remedy: "name another folder in the environment's TMPDIR")
  }

  /// - Throws: `unreadableFile`.
  func read(_ range: Range<Int>) throws(DataError) -> [Int32] {
    var isWhole = true
    let tokens = [Int32](unsafeUninitializedCapacity: range.count) { buffer, count in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var done = 0
      while done < range.count * 4 {
        let received = pread(
          descriptor, bytes.baseAddress.map { $0 + done }, range.count * 4 - done, off_t(range.lowerBound * 4 + done))
        if received > 0 {
          done += received
        } else if received == 0 || errno != EINTR {
          isWhole = false
          break
        }
      }
      count = isWhole ? range.count : 0
    }
    guard isWhole else {
      throw DataError(.unreadableFile, file: folder, "the tokens of a long text cannot be read any more")
    }
    return tokens
  }
}
