import RefrainData
import RefrainFoundation
import RefrainTasks

/// What a training was asked for, in a file beside its checkpoints: `refrain train --resume FOLDER` repeats it, and one
/// that goes on with other options or data is refused.
struct SavedCommand: Codable {
  /// The arguments after `train`, without where to save.
  var arguments: [String]
  /// Where relative paths begin.
  var directory: String
  /// The options and the data, each under a name for messages, as a text that changes with them.
  var identity: [String: String]

  private static let name = "training.json"

  /// The command that `refrain train --resume FOLDER` stands for; nil for other arguments.
  ///
  /// - Throws: ``CommandFailure`` where there is nothing to go on with.
  static func resumed(by arguments: [String]) throws -> [String]? {
    guard arguments.first == TrainCommand.configuration.commandName, arguments.count > 1 else { return nil }
    let flag = "--resume"
    var rest = arguments.dropFirst()
    var path: String
    if rest.first == flag, rest.count > 1 {
      path = rest.dropFirst().first!
      rest = rest.dropFirst(2)
    } else if let first = rest.first, first.hasPrefix(flag + "=") {
      path = String(first.dropFirst(flag.count + 1))
      rest = rest.dropFirst()
    } else {
      return nil
    }
    // The saved command begins in its own directory.
    path = URL(fileURLWithPath: path).path
    let saved = try SavedCommand(in: path)
    guard FileManager.default.changeCurrentDirectoryPath(saved.directory) else {
      throw DataError(
        .missingFile, file: saved.directory, "the folder in which the training began is not there",
        remedy: "repeat the command with --resume in place of --checkpoint")
    }
    return [TrainCommand.configuration.commandName!] + saved.arguments + rest + [flag, path]
  }

  /// Reads it.
  private init(in folder: String) throws(DataError) {
    let path = folder + "/" + Self.name
    guard FileManager.default.fileExists(atPath: path) else {
      throw DataError(
        .missingFile, file: folder, "no training was saved in this folder",
        remedy: "name the one that was given to --checkpoint")
    }
    let bytes = try readFile(path)
    guard let found = try? JSONDecoder().decode(SavedCommand.self, from: Data(bytes)) else {
      throw DataError(.damagedFile, file: path, "what the training was asked for cannot be read", remedy: "train anew")
    }
    self = found
  }

  /// What a training is asked for now.
  ///
  /// - Parameters:
  ///   - configuration: The task's options with the shared ones.
  ///   - regularization: What holds its weights back.
  ///   - files: The data, with the files that options name.
  init<Configuration: Codable>(
    _ configuration: Configuration, _ regularization: RegularizationOptions, around flags: TrainingFlags,
    files: [String]
  ) throws(DataError) {
    directory = FileManager.default.currentDirectoryPath
    arguments = []
    var skips = false
    for argument in CommandLine.arguments.dropFirst(2) {
      if skips {
        skips = false
      } else if argument == "--checkpoint" || argument == "--resume" {
        skips = true
      } else if !argument.hasPrefix("--checkpoint=") && !argument.hasPrefix("--resume=") {
        arguments.append(argument)
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    func text(_ value: some Encodable) -> String {
      (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    identity = [
      "the options": text(configuration), "--learning-rate": flags.learningRate.map { "\($0)" } ?? "",
      "--average-weights": flags.averageWeights?.text ?? "",
    ]
    // Left out where nothing was asked for, as in folders of before.
    if regularization != RegularizationOptions() { identity["the regularization"] = text(regularization) }
    for file in files where file != "-" { identity[file] = try Self.fingerprint(of: file) }
  }

  /// Writes it into the folder of checkpoints where a training begins; where one goes on, holds it against what is
  /// there.
  func keep(_ flags: TrainingFlags) throws(DataError) {
    if let folder = flags.checkpoint {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
      guard let text = try? encoder.encode(self) else { return }
      try writeAtomically(String(decoding: text, as: UTF8.self) + "\n", to: folder + "/" + Self.name)
    } else if let folder = flags.resume {
      let saved = try SavedCommand(in: folder)
      let names = Set(identity.keys).union(saved.identity.keys).sorted()
      guard let name = names.first(where: { identity[$0] != saved.identity[$0] }) else { return }
      throw DataError(
        .wrongInput, file: folder, "the training was begun otherwise: \(name.quoted) differs",
        remedy: "give what was given then, or train anew in another folder")
    }
  }

  /// A text that changes with a file's contents; of a folder, with the names and sizes in it.
  static func fingerprint(of path: String) throws(DataError) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01B3 }
    }
    if isFolder(path) {
      let names = try names(within: path)
      for name in names {
        let size = try? FileManager.default.attributesOfItem(atPath: path + "/" + name)[.size] as? Int
        add("\(name) \(size ?? 0)\n".utf8)
      }
      return "\(names.count) files, \(String(hash, radix: 16))"
    }
    guard let file = try? OpenFile(path) else { return "" }
    var count = 0
    while let part = try? file.readOn(), !part.isEmpty {
      add(part)
      count += part.count
    }
    return "\(count) bytes, \(String(hash, radix: 16))"
  }
}
