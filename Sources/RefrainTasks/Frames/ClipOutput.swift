import RefrainData
import RefrainFoundation

/// Answers that are files themselves, and not a table of fields.
public protocol FileAnswer: Encodable, Sendable {
  /// Whether a path names such files, by its ending.
  static func isWritten(to path: String) -> Bool
  /// Writes answers to what a path names.
  ///
  /// - Throws: What writing files throws.
  static func write(_ answers: [Self], to path: String) throws(DataError)
}

/// The form in which clips are written.
enum ClipOutput {
  /// An array of NumPy's: `[T, rows, columns]` or `[T, rows, columns, 3]`, of several clips with their number before
  /// it.
  case array
  /// An animated GIF.
  case animation
  /// A folder of PNG images, in which several clips have folders of their own.
  case folder

  /// The form that a path names; nil of another.
  init?(_ path: String) {
    switch ending(of: path) {
    case "npy": self = .array
    case "gif": self = .animation
    default:
      guard path.hasSuffix("/") || isFolder(path) else { return nil }
      self = .folder
    }
  }

  /// Writes clips.
  ///
  /// - Throws: `wrongInput` for several clips where one is to be written; what writing files throws.
  func write(_ clips: [(name: String, clip: Clip)], to path: String) throws(DataError) {
    switch self {
    case .array: try writeAtomically(Clip.npy(clips.map(\.clip)), to: path)
    case .animation:
      guard clips.count == 1 else {
        throw DataError(
          .wrongInput, file: path, "a GIF holds one clip, and there are \(clips.count)",
          remedy: "write .npy, or a folder: end the name in a slash")
      }
      try writeAtomically(clips[0].clip.gif(), to: path)
    case .folder:
      let names = Self.names(clips.map(\.name))
      for (name, one) in zip(names, clips) {
        try one.clip.writeImages(to: clips.count == 1 ? path : path + (path.hasSuffix("/") ? "" : "/") + name)
      }
    }
  }

  /// A name for each clip, told apart by numbers where two are called the same.
  private static func names(_ paths: [String]) -> [String] {
    var counts: [String: Int] = [:]
    return paths.map { path in
      let name = path.split(separator: "/").last.map(String.init) ?? "clip"
      counts[name, default: 0] += 1
      return counts[name] == 1 ? name : "\(name)-\(counts[name] ?? 0)"
    }
  }
}
