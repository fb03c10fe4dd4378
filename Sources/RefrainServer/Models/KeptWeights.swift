import RefrainData
import RefrainFoundation

/// Files of models that sessions on disk may need when others have taken their place: each has a second name in the
/// folder of the sessions, which costs no room while the first is there.
struct KeptWeights: Sendable {
  private let folder: String

  /// Begins with none: a state goes on in the files that are served.
  ///
  /// - Parameter sessions: The folder of the sessions, which is there.
  init(beside sessions: String) {
    folder = sessions + "/.weights"
    clear()
    mkdir(folder, 0o700)
  }

  /// Forgets all.
  func clear() { try? FileManager.default.removeItem(atPath: folder) }

  /// The file of a model; its ending says what it is.
  private func file(_ fingerprint: String, like path: String) -> String {
    let ending = URL(filePath: path).pathExtension
    return folder + "/" + fingerprint + (ending.isEmpty ? "" : "." + ending)
  }

  /// Gives a model's file a second name.
  ///
  /// - Returns: The name; nil where the file system has none to give, or the file is not there any more.
  func keep(_ path: String, _ fingerprint: String) -> String? {
    let kept = file(fingerprint, like: path)
    // A name that is there may be of a file that was written over since.
    unlink(kept)
    // Of a file, and not of what names one.
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return link(real, kept) == 0 ? kept : nil
  }

  func remove(_ kept: String) { unlink(kept) }
}
