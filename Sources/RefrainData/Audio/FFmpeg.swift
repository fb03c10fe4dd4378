import Dispatch
import RefrainFoundation
import Synchronization

/// The program `ffmpeg`, which reads the sound and the frames of files that are not read in Swift: its output comes
/// through a pipe.
struct FFmpeg {
  /// Where it is; nil where it is not installed.
  let path: String?

  /// - Parameter path: Where it is; nil looks for it in the folders of `PATH`.
  init(path: String? = nil) {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    self.path = path ?? folders.map { "\($0)/ffmpeg" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// The sound of a file, all channels, at its own rate.
  ///
  /// - Throws: `unsupportedContent` where the program is not installed; `wrongFormat` with its words where it finds no
  ///   sound; `damagedFile` where it ends half way.
  func recording(_ file: String) throws(DataError) -> Recording {
    let output = try run(
      ["-vn", "-f", "wav", "-acodec", "pcm_f32le", "-"], on: file,
      Subject(whole: "the recording", missing: "this is no WAV file", instead: "save the recording as WAV"))
    let words = output.complaint
    guard WAVReader.isWAV(output.bytes) else {
      throw DataError(
        .wrongFormat, file: file,
        "ffmpeg finds no sound in it" + (output.isWhole ? "" : words.map { " (\($0))" } ?? ""),
        remedy: "name a sound file")
    }
    guard output.isWhole else {
      throw DataError(
        .damagedFile, file: file, "ffmpeg ended half way" + (words.map { " (\($0))" } ?? ""),
        remedy: "record or save it again")
    }
    var recording = try Recording(wav: output.bytes, file: file)
    // A pipe's header never says how long it is, which is nothing to note.
    recording.notes = output.notes
    return recording
  }

  /// What is looked for in a file, for messages.
  struct Subject {
    /// All of it, as the subject of a sentence.
    var whole: String
    /// Why the program is needed.
    var missing: String
    /// What to do without it.
    var instead: String
  }

  /// What the program gave.
  struct Output {
    var bytes: [UInt8]
    /// Whether it ended without an error.
    var isWhole: Bool
    /// The last line that it complained by.
    var complaint: String?
    /// The complaint, to be noted.
    var notes: [String] { complaint.map { ["ffmpeg complains of it: \($0)"] } ?? [] }
  }

  /// Runs the program on a file.
  ///
  /// - Parameters:
  ///   - arguments: what comes after the file.
  ///   - file: what it reads.
  /// - Throws: `unsupportedContent` where it is not installed or cannot be started; `overMemoryBudget`.
  func run(_ arguments: [String], on file: String, _ subject: Subject) throws(DataError) -> Output {
    // A list of files, which it reads too, would have it open files that a request may not name.
    guard FileAccess.allowed == nil else {
      throw DataError(
        .unsupportedContent, file: file, "\(subject.missing), and nothing else is read of what a request brings",
        remedy: subject.instead)
    }
    guard let path else {
      throw DataError(
        .unsupportedContent, file: file, "\(subject.missing), and ffmpeg, which reads others, is not installed",
        remedy: "install ffmpeg, or \(subject.instead)")
    }
    let process: ChildProcess
    do throws(ChildProcess.Failure) {
      // A name that begins with a minus sign, or looks like an address, is still a file.
      process = try ChildProcess(path, ["-nostdin", "-v", "error", "-i", "file:" + file] + arguments)
    } catch {
      throw DataError(
        .unsupportedContent, file: file, "ffmpeg cannot be started: \(error)",
        remedy: "install it anew, or \(subject.instead)")
    }
    // What it complains of is read beside its output: a full pipe would let it wait for ever.
    let complaints = Complaints()
    let finished = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      while let part = try? OpenFile.readOn(process.errors, of: file), !part.isEmpty { complaints.add(part) }
      close(process.errors)
      finished.signal()
    }
    defer { close(process.output) }
    let bytes: [UInt8]
    do throws(DataError) { bytes = try OpenFile.readAll(process.output, of: file, for: subject.whole) } catch {
      process.stop()
      throw error
    }
    let isWhole = process.endsWell()
    // A program that it started may hold the pipe open for ever.
    _ = finished.wait(timeout: .now() + 1)
    return Output(bytes: bytes, isWhole: isWhole, complaint: complaints.lastLine)
  }
}

/// The end of what a program complains of, which one thread reads and another asks for.
private final class Complaints: Sendable {
  private let bytes = Mutex<[UInt8]>([])

  func add(_ part: [UInt8]) { bytes.withLock { $0 = Array(($0 + part).suffix(4096)) } }

  var lastLine: String? {
    let text = String(decoding: bytes.withLock { $0 }, as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).last.map { String($0).shortened }
  }
}
