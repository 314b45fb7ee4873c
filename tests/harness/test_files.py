from pathlib import Path

from poolsim.harness import files


def test_a_checkout_uses_its_own_folder():
    assert (files.directory() / "image" / "build.sh").is_file()


def test_the_cache_moves_with_an_absolute_xdg_cache_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert files.cache() == tmp_path / "poolsim"
    assert files.cache().is_dir()


def test_a_relative_xdg_cache_home_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.cache() == tmp_path / ".cache" / "poolsim"


def test_a_key_changes_with_content_and_name_but_not_with_the_place(tmp_path: Path):
    first, second = tmp_path / "first" / "java", tmp_path / "second" / "java"
    for folder in (first, second):
        folder.mkdir(parents=True)
        (folder / "A.java").write_text("class A {}")
    key = files.source_key([first])
    assert files.source_key([second]) == key
    (second / "A.java").write_text("class A { }")
    assert files.source_key([second]) != key
    (second / "A.java").write_text("class A {}")
    (second / "A.java").rename(second / "B.java")
    assert files.source_key([second]) != key
