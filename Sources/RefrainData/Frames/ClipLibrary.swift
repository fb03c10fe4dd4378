import Refrain
import Synchronization

/// Clips by their paths, which are read when they are wanted: those that fit into the memory that it may keep stay, the
/// others are read again each time.
public final class ClipLibrary: Sendable {
  /// Where the clips are, as ``Clip/init(contentsOf:as:ffmpeg:)`` takes it.
  public let paths: [String]
  /// What their frames are brought into.
  public let format: FrameFormat
  private let ffmpeg: String?
  private let limit: Int
  private let state: Mutex<State>

  private struct State {
    var clips: [Int: Clip] = [:]
    var bytes = 0
    /// The file of several clips that was read last.
    var array: (name: String, values: ClipArray)?
  }

  /// Clips by their paths.
  ///
  /// - Parameters:
  ///   - paths: The files and folders.
  ///   - format: What their frames are brought into.
  ///   - limit: How many bytes of clips stay in memory; nil is half of what ``MemoryBudget/current`` has left.
  ///   - ffmpeg: The program that reads what is not read in Swift.
  public init(_ paths: [String], as format: FrameFormat, keeping limit: Int? = nil, ffmpeg: String? = nil) {
    (self.paths, self.format, self.ffmpeg) = (paths, format, ffmpeg)
    self.limit = limit ?? MemoryBudget.current.left / 2
    state = Mutex(State())
  }

  /// How many there are.
  public var count: Int { paths.count }

  /// One of the clips.
  ///
  /// - Throws: What ``Clip/init(contentsOf:as:ffmpeg:)`` throws.
  public func clip(_ number: Int) throws(DataError) -> Clip {
    if let known = state.withLock({ $0.clips[number] }) { return known }
    // What reading takes is given back: only the frames stay.
    let budget = MemoryBudget(MemoryBudget.current.left)
    let clip = try budget.run { Result { () throws(DataError) in try read(paths[number]) } }.get()
    state.withLock { state in
      guard state.bytes + clip.values.count <= limit, state.clips[number] == nil else { return }
      state.clips[number] = clip
      state.bytes += clip.values.count
    }
    return clip
  }

  private func read(_ path: String) throws(DataError) -> Clip {
    let (name, number) = ClipArray.parts(of: path)
    guard let number else { return try Clip(contentsOf: path, as: format, ffmpeg: ffmpeg) }
    do throws(DataError) {
      if let array = state.withLock({ $0.array }), array.name == name {
        return try array.values.clip(number).checkedAndFormatted(as: format)
      }
      guard let array = try ClipArray(contentsOf: name) else {
        return try Clip(contentsOf: path, as: format, ffmpeg: ffmpeg)
      }
      state.withLock { $0.array = (name, array) }
      return try array.clip(number).checkedAndFormatted(as: format)
    } catch {
      throw error.inFile(name)
    }
  }

  /// The clips that a path names: a file, or each clip of a file of several; a folder of images; of every other folder
  /// the clips in it and in the folders in it, in the order of their names.
  ///
  /// - Throws: `unreadableFile`, and what reading arrays throws.
  public static func paths(in path: String) throws(DataError) -> [String] {
    var paths: [String] = []
    try add(path, to: &paths, depth: 0)
    return paths
  }

  private static func add(_ path: String, to paths: inout [String], depth: Int) throws(DataError) {
    guard isFolder(path) else {
      guard ClipArray.parts(of: path).number == nil, let array = try ClipArray(contentsOf: path), array.count > 1 else {
        paths.append(path)
        return
      }
      paths += (0..<array.count).map { "\(path)#\($0)" }
      return
    }
    guard try ClipFolder.images(in: path).isEmpty else {
      paths.append(path)
      return
    }
    guard depth < 8 else { return }
    for name in try ClipFolder.names(in: path) {
      let inner = path + (path.hasSuffix("/") ? "" : "/") + name
      if Clip.isClip(inner) || isFolder(inner) { try add(inner, to: &paths, depth: depth + 1) }
    }
  }
}

extension ClipArray {
  /// The array of a file, also one packed by gzip; nil of a file that is none.
  init?(contentsOf path: String) throws(DataError) {
    do throws(DataError) {
      let file = try OpenFile(path)
      guard file.isRegular, file.size > 0 else { return nil }
      let head = try file.read(0..<min(file.size, 64))
      if Gzip.isGzip(head) {
        try self.init(Gzip.unpack(file.readAll()))
      } else {
        guard Self.isArray(head) else { return nil }
        try self.init(file.readAll())
      }
    } catch {
      throw error.inFile(path)
    }
  }
}
