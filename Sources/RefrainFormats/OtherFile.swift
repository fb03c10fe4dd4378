import RefrainData

/// A file that people hand over in place of a model, told by its first bytes.
struct OtherFile {
  /// The file in words, such as `a picture (PNG)`.
  let title: String
  /// The way on from there; nil where the usual one is meant.
  let remedy: String?

  private init(_ title: String, _ remedy: String? = nil) {
    self.title = title
    self.remedy = remedy
  }

  /// The kind of a file that is no model and no array, or nil where it may be one.
  init?(_ bytes: [UInt8]) {
    let text = String(decoding: bytes.prefix(1024), as: UTF8.self)
    let visible = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }.lowercased()
    func begins(_ letters: String) -> Bool { bytes.starts(with: Array(letters.utf8)) }
    switch true {
    case bytes.isEmpty: self.init("empty", "copy or download it again")
    case begins("version https://git-lfs.github.com"):
      self.init(
        "a pointer of Git LFS, not the model itself", "fetch it with 'git lfs pull', or download the file itself")
    case bytes.count >= 8 && bytes[4..<8].elementsEqual("TFL3".utf8):
      self.init(
        "a model of TensorFlow Lite", "convert it to ONNX: python -m tf2onnx.convert --tflite FILE --output model.onnx")
    case visible.hasPrefix("<!doctype html") || visible.hasPrefix("<html") || visible.hasPrefix("<head"):
      self.init("a web page, not a model", "download the file itself, not the page that shows it")
    case visible.hasPrefix("<?xml"): self.init("XML")
    case begins("\u{89}PNG") || bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]): self.init("a picture (PNG)")
    case bytes.starts(with: [0xFF, 0xD8, 0xFF]): self.init("a picture (JPEG)")
    case begins("GIF8"): self.init("a picture (GIF)")
    case begins("%PDF"): self.init("a document (PDF)")
    case bytes.starts(with: [0x1F, 0x8B]): self.init("compressed with gzip", "unpack it with gunzip, or 'tar -xzf'")
    case bytes.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A]): self.init("compressed with xz", "unpack it with unxz")
    case begins("BZh"): self.init("compressed with bzip2", "unpack it with bunzip2")
    case bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]): self.init("compressed with zstd", "unpack it with unzstd")
    case bytes.starts(with: [0x37, 0x7A, 0xBC, 0xAF]):
      self.init("an archive (7z)", "unpack it, and name the model in it")
    case begins("Rar!"): self.init("an archive (RAR)", "unpack it, and name the model in it")
    case begins("GGUF") || begins("GGML"): self.init("a language model of llama.cpp (GGUF)")
    case begins("SQLite format 3"): self.init("a database (SQLite)")
    case bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]): self.init("a program (ELF)")
    case begins("RIFF"): self.init("a recording (WAV)")
    case begins("{\"") || begins("[") && text.contains("\""), begins("{\n") || begins("{ "):
      self.init(
        text.contains("class_name") ? "a Keras model's description without its weights (JSON)" : "JSON, not a model",
        text.contains("class_name")
          ? "in Keras read it with model_from_json, load the weights, and save the whole model as .keras" : nil)
    case Self.isTable(bytes):
      self.init("text, such as a table, not a model", "'refrain forecast' reads tables of series")
    default: return nil
    }
  }

  /// Whether the first line is of letters, as no model's is.
  private static func isTable(_ bytes: [UInt8]) -> Bool {
    let start = bytes.prefix(4096)
    guard start.count > 8, start.contains(UInt8(ascii: "\n")),
      let text = String(validating: start.dropLast(4), as: UTF8.self)
    else { return false }
    return text.unicodeScalars.allSatisfy { $0.value >= 0x20 || [0x9, 0xA, 0xD].contains($0.value) }
  }
}

/// The bytes of a model's file. Of a folder it is said what it is.
///
/// - Throws: what reading a file throws.
package func readModelFile(_ path: String) throws(DataError) -> [UInt8] {
  do throws(DataError) {
    return try readFile(path)
  } catch  where error.code == .isDirectory {
    for (name, title, remedy) in [
      (
        "saved_model.pb", "a model of TensorFlow (SavedModel)",
        "convert it to ONNX: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx"
      ),
      ("model.weights.h5", "an unpacked .keras file", "pack it again: zip -r model.keras . in the folder"),
      ("data.pkl", "an unpacked .pt file", "pack it again with zip, its folder and all"),
    ] where (try? readFile(path + "/" + name)) != nil {
      throw DataError(.isDirectory, file: path, "this is a folder, \(title)", remedy: remedy)
    }
    throw error
  }
}
