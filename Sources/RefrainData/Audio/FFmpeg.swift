import Foundation

/// The program `ffmpeg`, which reads the sound of files that are no WAV: its output comes through a pipe.
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
    guard let path else {
      throw DataError(
        .unsupportedContent, file: file, "this is no WAV file, and ffmpeg, which reads others, is not installed",
        remedy: "install ffmpeg, or save the recording as WAV")
    }
    let process = Process()
    process.executableURL = URL(filePath: path)
    // A name that begins with a minus sign, or looks like an address, is still a file.
    process.arguments = [
      "-nostdin", "-v", "error", "-i", "file:" + file, "-vn", "-f", "wav", "-acodec", "pcm_f32le", "-",
    ]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch {
      throw DataError(
        .unsupportedContent, file: file, "ffmpeg cannot be started: \(error.localizedDescription)",
        remedy: "install it anew, or save the recording as WAV")
    }
    // What it complains of is read beside its sound: a full pipe would let it wait for ever.
    let complaints = Complaints()
    let finished = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      complaints.text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      finished.signal()
    }
    var bytes: [UInt8] = []
    let budget = MemoryBudget.current
    while true {
      let part = output.fileHandleForReading.availableData
      if part.isEmpty { break }
      do throws(DataError) { try budget.take(part.count, for: "the recording") } catch {
        process.terminate()
        throw error.inFile(file)
      }
      bytes += part
    }
    finished.wait()
    process.waitUntilExit()
    let words = complaints.text.split(whereSeparator: \.isNewline).last.map { String($0).shortened }
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      guard WAVReader.isWAV(bytes) else {
        throw DataError(
          .wrongFormat, file: file, "ffmpeg finds no sound in it" + (words.map { " (\($0))" } ?? ""),
          remedy: "name a sound file")
      }
      throw DataError(
        .damagedFile, file: file, "ffmpeg ended half way" + (words.map { " (\($0))" } ?? ""),
        remedy: "record or save it again")
    }
    guard WAVReader.isWAV(bytes) else {
      throw DataError(.wrongFormat, file: file, "ffmpeg finds no sound in it", remedy: "name a sound file")
    }
    var recording = try Recording(wav: bytes, file: file)
    // A pipe's header never says how long it is: there is nothing to note.
    recording.notes = []
    return recording
  }
}

/// What a thread leaves for another, which waits for it.
private final class Complaints: @unchecked Sendable {
  var text = ""
}
