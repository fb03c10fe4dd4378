import Refrain
import RefrainData
import RefrainFoundation

/// Something said: the rows of features of a recording, and what is said in it.
public struct Utterance: Sendable {
  /// The path, as it was given.
  public var name: String
  /// The row of the table, as a spreadsheet counts; nil where it comes from no table.
  public var row: Int?
  /// The rows, not yet normalized; none where the recording could not be read.
  public var frames: FeatureFrames
  /// What is said, single blanks between words; nil where that is not known.
  public var text: String?
  /// Who says it; nil where that is not known.
  public var speaker: String?
  /// Why the recording could not be read.
  public var problem: DataError?
}

/// What a transcriber learns from, or answers.
public struct Utterances: Sendable {
  /// In the order in which they were given.
  public var all: [Utterance]
  /// How their rows were made.
  public var encoding: SoundEncoding
  /// What was mended or assumed in reading them, a line each.
  public var notes: [String]
  /// The table they come from.
  var table: String?

  /// Whether all have a text.
  var haveTexts: Bool { all.allSatisfy { $0.text != nil } }

  /// The place of one of them, for a message.
  func place(of utterance: Utterance) -> String {
    guard let row = utterance.row else { return utterance.name }
    return (table.map { "\($0): " } ?? "") + "row \(row)"
  }
}

/// Where the recordings and texts of a table stand.
struct UtteranceColumns: Codable, Equatable {
  var audio: String?
  var text: String?
  var speaker: String?
}

/// Finds recordings and what is said in them: in a table of paths and texts, in a folder of pairs `name.wav` and
/// `name.txt`, or recordings by their names.
struct UtteranceReader {
  /// How long a recording may be: the network looks at all of it at once.
  static let longest = 600.0

  /// A recording that was found.
  private struct Found {
    var name: String
    var path: String
    var row: Int?
    var text: String?
    var speaker: String?
  }

  let columns: UtteranceColumns
  /// Whether each must have a text.
  let needsTexts: Bool
  /// Whether a recording that cannot be read is passed over, with its problem noted.
  let goesOn: Bool
  /// Whether a table must have the column of speakers.
  let needsSpeakers: Bool

  /// - Parameter encoding: How rows are made; nil makes it of the first recording by `choose`.
  func read(
    _ source: DataSource, encoding: SoundEncoding?, choose: (_ path: String) throws(DataError) -> SoundEncoding
  ) throws(DataError) -> Utterances {
    var found: [Found] = []
    var table: String?
    var notes: [String] = []
    for part in source.parts {
      let more: [Found]
      switch part {
      case .file(let path) where isFolder(path): more = try pairs(in: path)
      case .file(let path) where Self.isRecording(path):
        guard !needsTexts else {
          throw DataError(
            .wrongInput, file: path, "of a recording alone it is not known what is said in it",
            remedy: "name a table of paths and texts, or a folder of pairs such as a.wav and a.txt")
        }
        more = [Found(name: path, path: path)]
      default:
        let read = try part.table(format: Table.Format(gathersTimes: false))
        (table, notes) = (part.name, notes + read.notes)
        more = try rows(of: read, folder: Self.folder(of: part))
      }
      found += more
    }
    guard let first = found.first else {
      throw DataError(.emptyFile, file: source.parts.first?.name, "there are no recordings", remedy: "name some")
    }
    func placed(_ error: DataError, _ one: Found) -> DataError {
      guard let row = one.row, let table else { return error }
      return DataError(
        error.code, file: table, row: row, column: columns.audio, "\(one.name.shortened): \(error.problem)",
        remedy: error.remedy)
    }
    let chosen: SoundEncoding
    if let encoding {
      chosen = encoding
    } else {
      do throws(DataError) { chosen = try choose(first.path) } catch { throw placed(error, first) }
    }
    var all: [Utterance] = []
    for one in found {
      var utterance = Utterance(
        name: one.name, row: one.row, frames: FeatureFrames([], width: chosen.width), text: one.text,
        speaker: one.speaker)
      do throws(DataError) {
        let (frames, mended) = try chosen.frames(one.path, longest: Self.longest)
        utterance.frames = frames
        notes += mended.map { "\(one.name): \($0)" }
      } catch {
        guard goesOn, found.count > 1 else { throw placed(error, one) }
        utterance.problem = placed(error, one)
      }
      all.append(utterance)
    }
    return Utterances(all: all, encoding: chosen, notes: notes, table: table)
  }

  /// Whether a path's ending is that of a recording, or of a movie, which has sound.
  static func isRecording(_ path: String) -> Bool { SoundEncoding.isSound(path) || Clip.isClip(path) }

  // MARK: - Tables

  private func rows(of table: Table, folder: String) throws(DataError) -> [Found] {
    let audio = try column(columns.audio, of: table, among: ["audio", "path", "file", "filename", "wav", "recording"])
    let text =
      needsTexts || columns.text != nil
      ? try column(columns.text, of: table, among: ["text", "transcript", "transcription", "sentence", "words"]) : nil
    let speaker: Table.Column?
    do throws(DataError) {
      speaker = try columns.speaker.map { name throws(DataError) in try table.column(named: name) }
    } catch {
      guard !needsSpeakers else { throw error }
      speaker = nil
    }
    var found: [Found] = []
    for row in 0..<table.rowCount {
      let name = table.text(row: row, column: audio).trimmed
      guard !name.isEmpty else {
        throw DataError(
          .missingValue, file: table.file, row: table.rowNumber(row), column: audio.name, "there is no path",
          remedy: "name a recording or remove the row")
      }
      let said = text.map { normalizedText(table.text(row: row, column: $0)) }
      found.append(
        Found(
          name: name, path: name.hasPrefix("/") ? name : folder + name, row: table.rowNumber(row), text: said,
          speaker: speaker.map { table.text(row: row, column: $0) }))
    }
    return found
  }

  private func column(_ name: String?, of table: Table, among names: [String]) throws(DataError) -> Table.Column {
    if let name { return try table.column(named: name) }
    if let known = names.lazy.compactMap({ name in table.columns.first { $0.name.lowercased() == name } }).first {
      return known
    }
    throw DataError(
      .noSuchColumn, file: table.file, "no column is called \(names[0].quoted)",
      remedy:
        "say which one it is; the columns are \(table.columns.prefix(12).map(\.name.quoted).joined(separator: ", "))"
    )
  }

  // MARK: - Folders

  /// The folder that a table's paths begin in, with a slash; empty for the current one.
  private static func folder(of part: DataSource.Part) -> String {
    guard case .file(let path) = part, let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[...slash])
  }

  /// The recordings of a folder and the folders in it, with the texts beside them.
  private func pairs(in folder: String) throws(DataError) -> [Found] {
    var found: [Found] = []
    for name in try names(within: folder) where SoundEncoding.isSound(name) {
      let path = folder + (folder.hasSuffix("/") ? "" : "/") + name
      let text = String(path.prefix(upTo: path.lastIndex(of: ".") ?? path.endIndex)) + ".txt"
      var said: String?
      if FileManager.default.fileExists(atPath: text) {
        said = normalizedText(String(decoding: try readFile(text), as: UTF8.self))
      } else if needsTexts {
        throw DataError(
          .missingFile, file: path, "there is no text beside it, \(text.quoted)",
          remedy: "write what is said there, or leave the recording out")
      }
      found.append(Found(name: path, path: path, text: said))
    }
    return found
  }
}

/// A text with single blanks between its words and none around it.
func normalizedText(_ text: String) -> String {
  text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
}
