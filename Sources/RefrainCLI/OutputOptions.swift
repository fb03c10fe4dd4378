import ArgumentParser
import Foundation
import RefrainData

/// How results are written.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case table, csv, json
}

/// The flags that say where results go.
struct OutputOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Write the trained model to this file.", valueName: "model"),
    completion: .file(extensions: ["safetensors"]))
  var save: String?

  @Option(
    help: ArgumentHelp(
      """
      Forecast with a saved model, without training: from the newest rows of FILE, or from the series it was made with.
      """,
      valueName: "model"),
    completion: .file(extensions: ["safetensors"]))
  var model: String?

  @Option(help: ArgumentHelp("The form of the results.", valueName: "format"))
  var format = OutputFormat.table

  @Option(
    help: ArgumentHelp("Write the results to this file, not to standard output.", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp("Draw the forecast into this SVG file.", valueName: "file.svg"),
    completion: .file(extensions: ["svg"]))
  var chart: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many threads compute. (default: all processors)", valueName: "n"))
  var threads: Int?

  @Flag(help: "Print no progress and no notes.")
  var quiet = false

  /// The files to write, each with its flag.
  private var targets: [(flag: String, path: String)] {
    [("--save", save), ("--output", output), ("--chart", chart)].compactMap { flag, path in path.map { (flag, $0) } }
  }

  func validate() throws {
    try check("--threads", threads, within: 1...1024)
    if model == "" { throw ValidationError("--model needs the name of a file.") }
    if let target = targets.first(where: { $0.path.isEmpty }) {
      throw ValidationError("\(target.flag) needs the name of a file.")
    }
    if let chart, let type = chart.split(separator: ".").last?.lowercased(), chart.contains("."),
      ["png", "jpg", "jpeg", "gif", "webp", "pdf", "bmp", "tif", "tiff", "eps", "ps", "html"].contains(type)
    {
      throw ValidationError("--chart draws SVG, not \(type.uppercased()): name a file that ends in .svg.")
    }
    if model != nil && save != nil {
      throw ValidationError("--save and --model exclude each other: the model is in a file already.")
    }
  }

  /// Stops when two flags name the same file, or one names a file that is read.
  func validateDistinct(from input: String?) throws {
    let read = [("FILE", input), ("--model", model)].compactMap { flag, path in path.map { (flag, $0) } }
    var seen: [(flag: String, path: String)] = read
    for target in targets {
      if let other = seen.first(where: { isSameFile($0.path, target.path) }) {
        throw ValidationError("\(other.flag) and \(target.flag) name the same file.")
      }
      seen.append(target)
    }
  }

  /// Stops when a file cannot be written, before time is spent on what would go into it.
  func checkTargets() throws(DataError) {
    for target in targets { try checkWritable(target.path) }
  }
}

/// Stops when two arguments name the same file.
func requireDistinct(_ first: (name: String, path: String), _ second: (name: String, path: String)) throws {
  guard isSameFile(first.path, second.path) else { return }
  throw ValidationError("\(first.name) and \(second.name) name the same file.")
}

/// Whether two paths lead to one file, or would if it were there. Devices may be named twice.
private func isSameFile(_ first: String, _ second: String) -> Bool {
  func place(_ path: String) -> String {
    let url = URL(fileURLWithPath: path)
    let folder = url.deletingLastPathComponent().resolvingSymlinksInPath()
    return folder.appendingPathComponent(url.lastPathComponent).resolvingSymlinksInPath().path
  }
  let (one, two) = (place(first), place(second))
  return one == two && !one.hasPrefix("/dev/")
}

/// Throws when a file cannot be written where it is to be, before time is spent on it.
func checkWritable(_ path: String) throws(DataError) {
  var status = stat()
  let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
  guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
    throw DataError(
      .missingFolder, file: path, "the folder of this file does not exist", remedy: "make the folder first")
  }
  let exists = stat(path, &status) == 0
  if exists ? status.st_mode & S_IFMT == S_IFDIR : path.hasSuffix("/") {
    throw DataError(.isDirectory, file: path, "this is a folder, not a file", remedy: "name a file in it")
  }
  if exists, status.st_mode & S_IFMT != S_IFREG { try checkIsOpenStream(path) }
  // A regular file is replaced by rename, for which the folder must be writable; an open stream is written to.
  let isReplaced = !exists || status.st_mode & S_IFMT == S_IFREG
  guard !exists || access(path, W_OK) == 0, !isReplaced || access(folder, W_OK | X_OK) == 0 else {
    throw DataError(.unwritableFile, file: path, "no permission to write here", remedy: "choose another place")
  }
}
